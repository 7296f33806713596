/** Events for people out of groups of changes, and the position up to which they have been taken. */
import { type Change, ChangeKind, type ShardRevision, type WatchRequest } from "@titan/proto";
import { ClientError } from "./errors.js";
import { boundToBytes, type Key, keyToBytes } from "./keys.js";
import type { MessageCodec } from "./messages.js";
import { checkInteger, checkTimeoutMs } from "./options.js";
import type {
  KeyWatchEvent,
  Watch,
  WatchEvent,
  WatchOptions,
  WatchPosition,
} from "./watch-requests.js";
import type { ChangeGroup, WatchBounds, Watcher } from "./watcher.js";

export interface EventWatchDeps<V, K extends Key> {
  readonly watcher: Watcher;
  readonly codec: MessageCodec<V, K>;
  /** "": the default one. */
  readonly keyspace: string;
  /** Of the client: what a server may take beyond the progress interval. */
  readonly timeoutMs: number;
}

type Event<V, K extends Key> = WatchEvent<V, K> | KeyWatchEvent<K>;

const NO_BYTES = new Uint8Array(0);
const DEFAULT_PROGRESS_MS = 5_000;
const LEAST_PROGRESS_MS = 100;
const LONGEST_PROGRESS_MS = 3_600_000;
const DEFAULT_GIVE_UP_MS = 60_000;

export class EventWatch<V, K extends Key> implements Watch<Event<V, K>> {
  private readonly end = new AbortController();
  /** By shard. */
  private readonly taken = new Map<number, number>();
  private readonly events: AsyncGenerator<Event<V, K>, void>;

  constructor(
    private readonly deps: EventWatchDeps<V, K>,
    private readonly options: WatchOptions,
  ) {
    this.events = this.run();
  }

  get position(): WatchPosition {
    return [...this.taken].map(([shard, revision]) => ({ shard, revision }));
  }

  next(): Promise<IteratorResult<Event<V, K>, void>> {
    return this.events.next();
  }

  /** Also ends a `next()` that waits. */
  return(): Promise<IteratorResult<Event<V, K>, void>> {
    this.end.abort();
    return this.events.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  private async *run(): AsyncGenerator<Event<V, K>, void> {
    const request = watchRequest(this.options, this.deps.keyspace);
    const bounds = watchBounds(this.options, request, this.deps.timeoutMs);
    const { signal } = this.end;
    const ends = bounds.signal === undefined ? signal : AbortSignal.any([bounds.signal, signal]);
    this.take(request.from);
    try {
      for await (const group of this.deps.watcher.groups(request, { ...bounds, signal: ends })) {
        yield* this.eventsOf(group, request.keysOnly);
        this.take(group.progress);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  private *eventsOf({ changes, progress }: ChangeGroup, keysOnly: boolean) {
    for (const change of changes) yield this.event(change, keysOnly);
    if (changes.length > 0) return;
    const position = progress.map(({ shard, revision }) => ({ shard, revision }));
    yield { type: "progress" as const, position };
  }

  private event({ kind, entry, shard }: Change, keysOnly: boolean): Event<V, K> {
    if (entry === undefined) throw unknownChange();
    const { codec } = this.deps;
    switch (kind) {
      case ChangeKind.PUT:
        return keysOnly
          ? { type: "put", shard, ...codec.keyEntry(entry) }
          : { type: "put", shard, ...codec.entry(entry) };
      case ChangeKind.DELETE:
      case ChangeKind.EXPIRE: {
        const { key, revision } = codec.keyEntry(entry);
        return { type: kind === ChangeKind.DELETE ? "delete" : "expire", shard, key, revision };
      }
      case ChangeKind.UNSPECIFIED:
      default:
        throw unknownChange();
    }
  }

  private take(progress: readonly ShardRevision[]): void {
    for (const { shard, revision } of progress) this.taken.set(shard, revision);
  }
}

/** @throws TypeError, RangeError */
function watchRequest(options: WatchOptions, keyspace: string): WatchRequest {
  const { from = [], keysOnly = false, progressIntervalMs = DEFAULT_PROGRESS_MS } = options;
  return {
    range: rangeOf(options),
    keyspace,
    from: checkPosition(from),
    progressIntervalMs: checkInteger(
      progressIntervalMs,
      "progressIntervalMs",
      LEAST_PROGRESS_MS,
      LONGEST_PROGRESS_MS,
    ),
    keysOnly,
  };
}

function watchBounds(
  { giveUpAfterMs = DEFAULT_GIVE_UP_MS, signal }: WatchOptions,
  { progressIntervalMs }: WatchRequest,
  timeoutMs: number,
): WatchBounds {
  return {
    silenceMs: progressIntervalMs + timeoutMs,
    giveUpAfterMs:
      giveUpAfterMs === Number.POSITIVE_INFINITY
        ? giveUpAfterMs
        : checkTimeoutMs(giveUpAfterMs, "giveUpAfterMs"),
    signal,
  };
}

function rangeOf({ key, prefix, start, end }: WatchOptions): WatchRequest["range"] {
  if (key === undefined) {
    return {
      prefix: prefix === undefined ? NO_BYTES : boundToBytes(prefix, "prefix"),
      start: start === undefined ? NO_BYTES : boundToBytes(start, "start"),
      end: end === undefined ? NO_BYTES : boundToBytes(end, "end"),
    };
  }
  if (prefix !== undefined || start !== undefined || end !== undefined) {
    throw new TypeError("key goes without prefix, start and end");
  }
  const only = keyToBytes(key);
  // The next key in byte order.
  const behind = new Uint8Array(only.length + 1);
  behind.set(only);
  return { prefix: NO_BYTES, start: only, end: behind };
}

function checkPosition(from: WatchPosition): ShardRevision[] {
  if (!Array.isArray(from)) throw new TypeError("from is the position of a watch");
  return from.map(({ shard, revision }: WatchPosition[number]) => ({
    shard: checkInteger(shard, "from: shard", 0, 2 ** 32 - 1),
    revision: checkInteger(revision, "from: revision", 0, Number.MAX_SAFE_INTEGER),
  }));
}

function unknownChange(): ClientError {
  return new ClientError({
    code: "CLIENT_PROTOCOL",
    outcome: "not-applied",
    message: "the server tells of a change of a kind that this version does not know",
  });
}
