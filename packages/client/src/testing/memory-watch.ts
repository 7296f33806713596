/**
 * A watch: what each shard's history has after the watch's position, and now and then how far that goes.
 *
 * The first progress says that the watch has begun. Expiries are told when they are due: whoever watches sees to that.
 */
import type { ShardRevision, WatchRequest, WatchResponse } from "@titan/proto";
import type { Clock } from "../ports.js";
import type { LoggedChange } from "./change-log.js";
import { isWithin, spanOf } from "./key-range.js";
import { toKeyValue } from "./key-values.js";
import type { MemoryShard } from "./memory-store.js";
import type { MemoryState } from "./memory-writes.js";
import { invalidField } from "./refusal.js";

const DEFAULT_PROGRESS_MS = 10_000;
const LEAST_PROGRESS_MS = 100;

/** Goes on until `signal` fires, or history that it needs is gone. @throws Refusal with the first frame */
export async function* watchFrames(
  state: MemoryState,
  request: WatchRequest,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<WatchResponse, void> {
  const { store } = state;
  const position = new Position(state, request);
  const intervalMs = Math.max(LEAST_PROGRESS_MS, request.progressIntervalMs || DEFAULT_PROGRESS_MS);
  let progressAtMs = clock.monotonicMs();
  while (!signal.aborted) {
    store.expire();
    const oldest = position.compacted();
    if (oldest.length > 0) {
      yield { changes: [], progress: [], compacted: { oldest } };
      return;
    }
    const frame = position.next();
    if (frame !== undefined) {
      yield frame;
    } else if (progressAtMs <= clock.monotonicMs()) {
      progressAtMs = clock.monotonicMs() + intervalMs;
      yield { changes: [], progress: position.all(), compacted: undefined };
    } else {
      // A revision is whole: whatever is done is done in one turn.
      const nextMs = Math.min(
        progressAtMs - clock.monotonicMs(),
        store.earliestExpiryMs - store.nowMs(),
      );
      await untilChange(state, clock, nextMs, signal);
    }
  }
}

/** How far a watch has come, by shard. */
class Position {
  private readonly told: Map<MemoryShard, number>;
  private readonly isMeant: (change: LoggedChange) => boolean;

  constructor(
    private readonly state: MemoryState,
    private readonly request: WatchRequest,
  ) {
    const { shards } = state.store;
    const { number } = state.keyspaces.get(request.keyspace);
    const span = spanOf(request.range);
    this.isMeant = ({ keyspace, key }) =>
      keyspace === number && span !== undefined && isWithin(span, key);
    const from = new Map<number, number>();
    for (const { shard, revision } of request.from) {
      if (shard >= shards.length) throw invalidField("from", `there is no shard ${shard}`);
      from.set(shard, Math.max(revision, from.get(shard) ?? 0));
    }
    this.told = new Map(shards.map((shard) => [shard, from.get(shard.number) ?? shard.revision]));
  }

  all(): ShardRevision[] {
    return [...this.told].map(([{ number: shard }, revision]) => ({ shard, revision }));
  }

  /** What is left of shards whose history does not go back far enough. */
  compacted(): ShardRevision[] {
    return [...this.told].flatMap(([{ number: shard, log }, revision]) =>
      revision < log.floor ? [{ shard, revision: log.floor }] : [],
    );
  }

  /** Changes of the next shard that has some that are meant; passes over the others. */
  next(): WatchResponse | undefined {
    const { store } = this.state;
    for (const [shard, told] of this.told) {
      const { number, log, revision } = shard;
      if (revision <= told) continue;
      this.told.set(shard, revision);
      const changes = log.after(told).filter(this.isMeant);
      if (changes.length === 0) continue;
      return {
        changes: changes.map((change) => {
          const entry = toKeyValue(change, store.nowMs(), this.request.keysOnly);
          return { kind: change.kind, entry, shard: number };
        }),
        progress: [{ shard: number, revision }],
        compacted: undefined,
      };
    }
    return undefined;
  }
}

/** Resolves behind the next change, after `mostMs`, or when `signal` fires. */
async function untilChange(
  { store }: MemoryState,
  clock: Clock,
  mostMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      cancelTimer();
      forget();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancelTimer = clock.schedule(Math.max(0, mostMs), end);
    const forget = store.onChange(end);
    signal.addEventListener("abort", end, { once: true });
  });
}
