/**
 * Changes of a range of keys over all shards, from a position in each shard's history on.
 *
 * Each shard is followed by itself, at whichever replica answers: by long polls, each of which begins where the
 * answer before it ended. So nothing is left out and nothing comes twice, whoever leads and wherever the shard
 * moves to. What is read and not taken is bounded: a watch whose reader is slow stops asking, and goes on where it
 * stopped; when the history it needs is gone by then, that is said.
 */
import { KvError } from "../kv/kv-error.js";
import type { ShardChange, ShardHistory } from "../shard/shard-replica.js";
import type { ClusterView, RoutingClock, RoutingRandom } from "./cluster-view.js";
import { isWithin, type KeyBounds, type KeySpan, toKeySpan } from "./scan-range.js";
import type { ShardAccess } from "./shard-access.js";
import type { ShardRoutes, Tried } from "./shard-routes.js";
import { endOf } from "./shared-end.js";

export interface WatchRequest extends KeyBounds {
  readonly keyspace: number;
  /** Changes after these revisions, by shard; a shard not named starts now. */
  readonly from: ReadonlyMap<number, number>;
  /** A progress event at least this often while nothing changes. 0: the default. */
  readonly progressIntervalMs: number;
}

/** In order within each shard. */
export type WatchEvent =
  /** `progress`: everything up to there has been told now, for the shards that are named. */
  | {
      readonly type: "changes";
      readonly shard: number;
      readonly changes: readonly ShardChange[];
      readonly progress: number;
    }
  | { readonly type: "progress"; readonly progress: ReadonlyMap<number, number> }
  /** The last event: history of these shards is gone; a watch can start from there. */
  | { readonly type: "compacted"; readonly oldest: ReadonlyMap<number, number> };

/** Ends behind a `compacted`, when its signal aborts, or by throwing. */
export type Watch = AsyncGenerator<WatchEvent, void, undefined>;

export interface WatchDeps {
  readonly view: ClusterView;
  readonly access: ShardAccess;
  readonly routes: ShardRoutes;
  readonly clock: RoutingClock;
  readonly random: RoutingRandom;
}

const DEFAULT_PROGRESS_MS = 10_000;
const LEAST_PROGRESS_MS = 100;
/** How long a replica may let a question wait for a change. */
const POLL_MS = 5_000;
/** What a call takes beside its wait. */
const CALL_MS = 2_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/** @throws KvError `FIELD_INVALID` at the call */
export function watchShards(
  deps: WatchDeps,
  request: WatchRequest & { readonly shards: number },
  signal: AbortSignal,
): Watch {
  const span = toKeySpan(request);
  return new ShardWatch(deps, request, span).events(signal);
}

type Compacted = Extract<ShardHistory, { readonly type: "compacted" }>;

/** What has been read of a shard and not been taken; the shard is asked for more only then. */
interface Follower {
  readonly shard: number;
  /** Everything up to here has been read; "now" until the first answer. */
  at: number | "now";
  /** The newest answer, not taken yet. */
  answer: ShardHistory | undefined;
  /** Goes on after its answer was taken. */
  resume: () => void;
}

class ShardWatch {
  readonly #deps: WatchDeps;
  readonly #request: WatchRequest;
  readonly #span: KeySpan | undefined;
  readonly #followers: readonly Follower[];
  /** Those with an answer, in the order of their arrival. */
  readonly #ready: Follower[] = [];
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  constructor(
    deps: WatchDeps,
    request: WatchRequest & { readonly shards: number },
    span: KeySpan | undefined,
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#span = span;
    this.#followers = Array.from({ length: request.shards }, (_, shard) => ({
      shard,
      at: request.from.get(shard) ?? ("now" as const),
      answer: undefined,
      resume: () => undefined,
    }));
  }

  async *events(outer: AbortSignal): Watch {
    const end = endOf(outer);
    const { signal } = end;
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    for (const follower of this.#followers) {
      this.#follow(follower, signal).catch((error: unknown) => {
        this.#failure ??= { error };
        this.#wake();
      });
    }
    try {
      yield* this.#merge(signal);
    } finally {
      end.abort();
      for (const { resume } of this.#followers) resume();
    }
  }

  async *#merge(signal: AbortSignal): Watch {
    const { clock } = this.#deps;
    const asked = this.#request.progressIntervalMs;
    const intervalMs = asked === 0 ? DEFAULT_PROGRESS_MS : Math.max(LEAST_PROGRESS_MS, asked);
    let progressAtMs: number | undefined;
    while (!signal.aborted) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const compacted = this.#compacted();
      if (compacted.size > 0) {
        yield { type: "compacted", oldest: compacted };
        return;
      }
      const event = this.#next();
      if (event !== undefined) yield event;
      // The first progress says that the watch has begun everywhere. Due also while there are changes without end.
      if (this.#isEverywhere && (progressAtMs ?? 0) <= clock.monotonicMs()) {
        progressAtMs = clock.monotonicMs() + intervalMs;
        yield { type: "progress", progress: this.#progress() };
        continue;
      }
      if (event !== undefined) continue;
      await this.#sleep(
        progressAtMs === undefined ? intervalMs : progressAtMs - clock.monotonicMs(),
        signal,
      );
    }
  }

  get #isEverywhere(): boolean {
    return this.#followers.every(({ at }) => at !== "now");
  }

  #progress(): ReadonlyMap<number, number> {
    const progress = new Map<number, number>();
    for (const { shard, at } of this.#followers) if (at !== "now") progress.set(shard, at);
    return progress;
  }

  #compacted(): ReadonlyMap<number, number> {
    const oldest = new Map<number, number>();
    for (const { shard, answer } of this.#ready) {
      if (answer?.type === "compacted") oldest.set(shard, answer.oldest);
    }
    return oldest;
  }

  /** Takes the next answer that holds a change of the range, and passes over those that do not. */
  #next(): WatchEvent | undefined {
    for (let taken = this.#ready.shift(); taken !== undefined; taken = this.#ready.shift()) {
      const { shard, answer, resume } = taken;
      if (answer?.type !== "changes") throw new Error("assertion: a compacted answer comes first");
      taken.answer = undefined;
      taken.at = answer.progress;
      resume();
      const changes = answer.changes.filter((change) => this.#isMeant(change));
      if (changes.length > 0) return { type: "changes", shard, changes, progress: answer.progress };
    }
    return undefined;
  }

  #isMeant({ keyspace, key }: ShardChange): boolean {
    if (keyspace !== this.#request.keyspace || this.#span === undefined) return false;
    return isWithin(this.#span, key);
  }

  async #sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#deps.clock.schedule(Math.max(0, delayMs), resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
      // What came while nobody slept.
      if (signal.aborted || this.#ready.length > 0 || this.#failure !== undefined) this.#wake();
    });
    this.#wake = () => undefined;
  }

  /** Reads on and on; holds one answer until it is taken. */
  async #follow(follower: Follower, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const answer = await this.#ask(follower, signal);
      if (answer === undefined) return;
      const hasNews =
        answer.type === "compacted" || answer.changes.length > 0 || answer.progress !== follower.at;
      if (!hasNews) continue;
      const taken = new Promise<void>((resolve) => {
        follower.resume = resolve;
      });
      follower.answer = answer;
      this.#ready.push(follower);
      this.#wake();
      if (answer.type === "compacted") return;
      await taken;
    }
  }

  /** Asks one replica after the other until one answers. @returns undefined when nobody waits any more */
  async #ask({ shard, at }: Follower, signal: AbortSignal): Promise<ShardHistory | undefined> {
    const { routes, access } = this.#deps;
    const tried: Tried = { nodes: new Set(), hint: undefined };
    let compacted: Compacted | undefined;
    for (let round = 0; !signal.aborted; ) {
      const node = routes.any(shard, tried);
      if (node === undefined) {
        if (compacted !== undefined) return compacted;
        await this.#pause(round, signal);
        round += 1;
        tried.nodes.clear();
        continue;
      }
      const waitMs = at === "now" ? 0 : POLL_MS;
      const limits = { timeoutMs: waitMs + CALL_MS, signal };
      try {
        const answer = await access.changes(node, shard, { from: at, waitMs }, limits);
        // A replica that lags behind what was told already has no news.
        if (answer.type === "changes" && at !== "now" && answer.progress < at) {
          throw new KvError({ code: "TOO_STALE", message: "the replica lags behind the watch" });
        }
        if (answer.type === "changes") return answer;
        // Another replica may remember more: one that was started anew knows little.
        if (compacted === undefined || compacted.oldest > answer.oldest) compacted = answer;
        tried.nodes.add(node);
      } catch (error) {
        if (signal.aborted) return undefined;
        if (!(error instanceof KvError)) throw error;
        tried.nodes.add(node);
      }
    }
    return undefined;
  }

  async #pause(round: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(round, 10));
    const pauseMs = most / 2 + random.nextInt(Math.ceil(most / 2) + 1);
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = clock.schedule(pauseMs, end);
      signal.addEventListener("abort", end, { once: true });
    });
  }
}
