/**
 * Watches: groups of changes out of streams, with the seams hidden.
 *
 * The server says now and then how far all has been told (`progress`). Changes are held back until that is said of
 * them, so that a stream that breaks can be followed by one that begins exactly there, on whichever node: nothing is left
 * out and nothing comes twice. A server says something at least once in the progress interval. One that does not, although
 * its connection stands, is left for another.
 */
import type { Change, ShardRevision, WatchRequest, WatchResponse } from "@titan/proto";
import { Attempts } from "./attempts.js";
import { type BackoffBounds, equalJitterMs } from "./backoff.js";
import { type Caller, READ } from "./caller.js";
import { ClientError, type ClientErrorCode, isClientError } from "./errors.js";

/** Changes, in order within each shard, and how far they go. */
export interface ChangeGroup {
  readonly changes: readonly Change[];
  readonly progress: readonly ShardRevision[];
}

export interface WatchBounds {
  /** Milliseconds without a word from one server. */
  readonly silenceMs: number;
  /** Milliseconds without a word from any. */
  readonly giveUpAfterMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface WatcherLimits {
  /** Watches open at once. */
  readonly maxConcurrent: number;
  /** Keys and values held back by one watch. */
  readonly maxHeldBytes: number;
}

/** Between two streams of one watch. */
const PAUSES: BackoffBounds = { baseMs: 20, maxMs: 1_000 };
/** Failures that pass by themselves, or do elsewhere. */
const PASSING: ReadonlySet<ClientErrorCode> = new Set<ClientErrorCode>([
  ...(["CLIENT_UNAVAILABLE", "CLIENT_TIMEOUT", "CLIENT_OVERLOADED"] as const),
]);

/** Opens at most so many watches at a time. */
export class Watcher {
  private open = 0;

  constructor(
    private readonly caller: Caller,
    private readonly limits: WatcherLimits,
  ) {}

  /** What happens from `request.from` on; goes on until it is left. */
  async *groups(request: WatchRequest, bounds: WatchBounds): AsyncGenerator<ChangeGroup, never> {
    const { maxConcurrent, maxHeldBytes } = this.limits;
    if (this.open >= maxConcurrent) {
      throw new ClientError({
        code: "CLIENT_OVERLOADED",
        outcome: "not-applied",
        message: `${maxConcurrent} watches are open already (maxConcurrentWatches)`,
      });
    }
    this.open += 1;
    try {
      return yield* new WatchRun(this.caller, request, { ...bounds, maxHeldBytes }).groups();
    } finally {
      this.open -= 1;
    }
  }
}

/** One watch, over as many streams as it takes. */
class WatchRun {
  /** By shard; what the next stream begins behind. */
  private readonly position: Map<number, number>;
  private heardAtMs: number;
  /** Streams in a row that told nothing. */
  private failures = 0;

  constructor(
    private readonly caller: Caller,
    private readonly request: WatchRequest,
    private readonly bounds: WatchBounds & { readonly maxHeldBytes: number },
  ) {
    this.position = new Map(request.from.map(({ shard, revision }) => [shard, revision]));
    this.heardAtMs = caller.context.clock.monotonicMs();
  }

  async *groups(): AsyncGenerator<ChangeGroup, never> {
    const { clock, random } = this.caller.context;
    const { signal } = this.bounds;
    const scope = this.caller.openScope({ signal });
    scope.disarm();
    try {
      for (;;) {
        let failure: ClientError | undefined;
        try {
          yield* this.stream();
        } catch (error) {
          if (!isClientError(error) || !PASSING.has(error.code)) throw error;
          failure = error;
        }
        if (clock.monotonicMs() - this.heardAtMs >= this.bounds.giveUpAfterMs) {
          throw failure ?? endedWell();
        }
        this.failures += 1;
        await scope.sleep(equalJitterMs(random, this.failures, PAUSES)).catch(() => {
          throw new Attempts(this.caller.context, scope, READ).ended("pausing");
        });
      }
    } finally {
      scope.close();
      scope.finish();
    }
  }

  /** What one stream tells. Returns when another one is to follow. */
  private async *stream(): AsyncGenerator<ChangeGroup, void> {
    const { silenceMs, signal } = this.bounds;
    const { context } = this.caller;
    const scope = this.caller.openScope({ timeoutMs: silenceMs, signal });
    const attempts = new Attempts(context, scope, READ);
    let frames: AsyncIterator<WatchResponse> | undefined;
    try {
      const route = await attempts.route();
      const from = [...this.position].map(([shard, revision]) => ({ shard, revision }));
      const request = { ...this.request, from };
      frames = route.connection.watch(request, scope.signal)[Symbol.asyncIterator]();
      const held = new HeldChanges(this.bounds.maxHeldBytes);
      for (;;) {
        scope.arm();
        let result: IteratorResult<WatchResponse>;
        try {
          result = await scope.race(frames.next());
        } catch (error) {
          if (scope.end?.kind === "timeout") {
            route.link.broke(route.connection, `silent for ${silenceMs} ms on a watch`);
          }
          await attempts.recover(error, route);
          return;
        }
        // The time that the reader takes is its own.
        scope.disarm();
        route.link.heard();
        if (result.done === true) return;
        this.heardAtMs = context.clock.monotonicMs();
        const group = held.add(result.value);
        if (group === undefined) continue;
        for (const { shard, revision } of group.progress) this.position.set(shard, revision);
        this.failures = 0;
        yield group;
        this.heardAtMs = context.clock.monotonicMs();
      }
    } finally {
      // Takes the stream down, wherever it is.
      scope.close();
      scope.finish();
      frames?.return?.().catch(ignore);
    }
  }
}

/** Changes of which it has not been said how far they go. */
class HeldChanges {
  private changes: Change[] = [];
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** @returns all that is held, once the frame says how far it goes. @throws ClientError */
  add({ changes, progress, compacted }: WatchResponse): ChangeGroup | undefined {
    if (compacted !== undefined) throw compactedError(compacted.oldest);
    for (const { entry } of changes) {
      this.bytes += (entry?.key.length ?? 0) + (entry?.value.length ?? 0);
    }
    if (this.bytes > this.maxBytes) {
      throw protocolError("the server tells more and more without saying how far it goes");
    }
    const all = this.changes.length === 0 ? changes : [...this.changes, ...changes];
    if (progress.length === 0) {
      this.changes = all;
      return undefined;
    }
    this.changes = [];
    this.bytes = 0;
    return { changes: all, progress };
  }
}

function compactedError(oldest: readonly ShardRevision[]): ClientError {
  const shards = oldest.map(({ shard }) => shard).join(", ");
  return new ClientError({
    code: "CLIENT_COMPACTED",
    outcome: "not-applied",
    message: `the history behind the watch's position is gone (shard ${shards}): read what there is, and watch from now on`,
    metadata: {
      oldest: JSON.stringify(oldest.map(({ shard, revision }) => ({ shard, revision }))),
    },
  });
}

function endedWell(): ClientError {
  return new ClientError({
    code: "CLIENT_UNAVAILABLE",
    outcome: "not-applied",
    message: "the servers end the watch again and again",
  });
}

function protocolError(message: string): ClientError {
  return new ClientError({ code: "CLIENT_PROTOCOL", outcome: "not-applied", message });
}

/** A stream that is given up may fail as it likes. */
function ignore(): void {}
