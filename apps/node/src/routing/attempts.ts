/**
 * Asks one node after another until one does what a request wants. A node that was asked never asks a third:
 * it answers `NOT_LEADER`, and names whom it follows.
 *
 * A write is tried again only when it was certainly not applied, or when it has a write id, by which a repetition
 * is recognised. When an attempt may have been applied, so may the whole, whatever the last one says.
 */
import { KvError, type KvErrorCode } from "../kv/kv-error.js";
import type { CallLimits } from "../shard/shard-replica.js";
import type { ClusterView, RoutingClock, RoutingRandom } from "./cluster-view.js";
import { Deadline } from "./deadline.js";
import type { ShardRoutes, Tried } from "./shard-routes.js";

export interface AttemptsDeps {
  readonly view: ClusterView;
  readonly routes: ShardRoutes;
  readonly clock: RoutingClock;
  readonly random: RoutingRandom;
}

/** One thing to be done about one shard. */
export interface Errand<Answer> {
  readonly shard: number;
  /** What is asked for. */
  readonly kind: "write" | "read" | "stale-read";
  /** A write that may be applied twice without harm, because the shard recognises it. Reads are. */
  readonly isRepeatable: boolean;
  /** An attempt may have been applied, though it failed. */
  onOpen?(): void;
  /** Does it at a node: this one, or a peer. */
  attempt(node: number, limits: CallLimits): Promise<Answer>;
}

/** An attempt that was made before others are looked for. */
export interface FirstAttempt {
  readonly node: number;
  /** What it ended with. */
  readonly error: unknown;
  /** Monotonic: the request's time runs since then. */
  readonly startedMs: number;
}

/** Failures that another node, or the same one a moment later, may not have. */
const PASSING: ReadonlySet<KvErrorCode> = new Set<KvErrorCode>([
  "NOT_LEADER",
  "NO_LEADER",
  "PEER_UNREACHABLE",
  "NOT_SERVING",
  "STORE_FAILED",
]);
/**
 * What can be tried again is, when a node does not answer for so long: it may stand still. A single attempt at a
 * write that must not be repeated has all the time that there is.
 */
const ATTEMPT_MS = 2_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 250;

export class Attempts {
  readonly #deps: AttemptsDeps;

  constructor(deps: AttemptsDeps) {
    this.#deps = deps;
  }

  /**
   * @param first an attempt that was made already
   * @throws KvError what the last attempt ended with
   */
  async run<Answer>(
    errand: Errand<Answer>,
    limits: CallLimits,
    first?: FirstAttempt,
  ): Promise<Answer> {
    const { routes, clock } = this.#deps;
    const { shard, kind } = errand;
    const deadline = new Deadline(clock, limits, first?.startedMs);
    const tried: Tried = { nodes: new Set(), hint: undefined };
    const fate = { mayBeApplied: false, last: undefined as KvError | undefined };
    const state = { deadline, tried, fate };
    if (first !== undefined) this.#judge(errand, first.node, first.error, state);
    for (let round = 0; ; ) {
      deadline.throwIfAborted();
      const node = kind === "write" ? routes.leader(shard, tried) : routes.any(shard, tried);
      if (node === undefined) {
        // A read that no replica can serve freshly enough: waiting does not make it so.
        if (fate.last?.code === "TOO_STALE") throw fate.last;
        if (!(await deadline.pause(this.#pauseMs(round)))) throw this.#over(errand, deadline, fate);
        round += 1;
        tried.nodes.clear();
        tried.hint = undefined;
        continue;
      }
      if (deadline.leftMs <= 0) throw this.#over(errand, deadline, fate);
      try {
        const isFinal = kind === "write" && !errand.isRepeatable;
        const most = isFinal ? Number.POSITIVE_INFINITY : ATTEMPT_MS;
        const answer = await errand.attempt(node, deadline.limits(most));
        if (kind === "write") routes.learn(shard, node);
        return answer;
      } catch (error) {
        this.#judge(errand, node, error, state);
      }
    }
  }

  /** Takes in the failure of an attempt. @throws KvError when it is final */
  #judge(
    errand: Errand<unknown>,
    node: number,
    error: unknown,
    state: {
      readonly deadline: Deadline;
      readonly tried: Tried;
      readonly fate: { mayBeApplied: boolean; last: KvError | undefined };
    },
  ): void {
    if (!(error instanceof KvError)) throw error;
    const { tried, fate } = state;
    const isOpen = errand.kind === "write" && error.outcome === "unknown";
    const mayGoOn = isOpen ? errand.isRepeatable : true;
    const isPassing =
      PASSING.has(error.code) ||
      (error.code === "TIMED_OUT" && state.deadline.leftMs > 0) ||
      (errand.kind === "stale-read" && error.code === "TOO_STALE");
    if (isOpen) {
      fate.mayBeApplied = true;
      errand.onOpen?.();
    }
    if (!mayGoOn || !isPassing) throw fate.mayBeApplied ? opened(error) : error;
    fate.last = error;
    tried.nodes.add(node);
    this.#deps.routes.forget(errand.shard, node);
    const named = Number(error.metadata["leader"] ?? 0);
    // A node that was asked before has changed its mind since, perhaps: the next round asks it again.
    tried.hint = Number.isSafeInteger(named) && named > 0 ? named : undefined;
  }

  /** From half to all of what doubles with each round: those who wait for one leader must not all come at once. */
  #pauseMs(round: number): number {
    const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(round, 10));
    return most / 2 + this.#deps.random.nextInt(Math.ceil(most / 2) + 1);
  }

  #over(
    { shard }: Errand<unknown>,
    deadline: Deadline,
    fate: { readonly mayBeApplied: boolean; readonly last: KvError | undefined },
  ): KvError {
    const what = `no leader of shard ${shard} was found`;
    const error =
      fate.last === undefined
        ? deadline.timedOut(what)
        : new KvError(
            {
              code: fate.last.code === "NOT_LEADER" ? "NO_LEADER" : fate.last.code,
              message: `${what} within ${Math.ceil(deadline.timeoutMs)} ms: ${fate.last.message}`,
            },
            { cause: fate.last },
          );
    return fate.mayBeApplied ? opened(error) : error;
  }
}

/** The same with an open outcome. */
export function opened(error: KvError): KvError {
  if (error.outcome === "unknown") return error;
  const { code, message, metadata } = error;
  return new KvError({ code, message, metadata, outcome: "unknown" }, { cause: error });
}
