/**
 * Carries the plan out, on the node that leads the meta group: look, decide, do one step, look again. Holds no state
 * that matters: whoever leads next looks afresh. Two that both think they lead do no harm, as every step is checked
 * by the group that it changes, and repeats itself harmlessly.
 */
import type { ClusterFacts, Plan, PlanOptions, Step } from "./facts.js";
import { planNext } from "./plan.js";

/** What the balancer sees and does with. */
export interface BalancerPort {
  /** Whether this node leads the meta group. */
  readonly isInCharge: boolean;
  /** Looks around. Bounded in time; what does not answer is left out. */
  look(): Promise<Omit<ClusterFacts, "settling">>;
  /** Does one step. Rejects when it was refused, or when its outcome is not known. */
  perform(step: Step): Promise<void>;
  /** Calls back once, after `delayMs` or more; the result cancels that. */
  schedule(delayMs: number, callback: () => void): () => void;
  monotonicMs(): number;
  /** This node has not been in charge until now: what was seen before is old. */
  onTakingOver?(): void;
  /** Whether an error of `perform` only says that the step came too early. @default none does */
  isPassing?(error: unknown): boolean;
  /** Told of each step that was done, and of each that failed. */
  onStep?(step: Step, error: unknown): void;
  /** The balancer itself failed: a defect. It goes on. */
  onDefect?(error: unknown): void;
}

export interface BalancerOptions extends PlanOptions {
  /** Milliseconds between looks when there is nothing to do. */
  readonly idleMs: number;
  /** Milliseconds between steps: what throttles them. */
  readonly stepMs: number;
  /** Milliseconds after a step that failed. */
  readonly failureMs: number;
  /** Milliseconds for which a shard whose leader was changed is left alone. */
  readonly settleMs: number;
}

export const BALANCER_DEFAULTS: BalancerOptions = {
  caughtUpLag: 1000,
  replaceAfterMs: 30 * 60_000,
  idleMs: 3_000,
  stepMs: 100,
  failureMs: 300,
  settleMs: 10_000,
};

/** A step that comes too early as often as that in a row does not only come too early. */
const MOST_EARLY_STEPS = 5;

/** What there is to see of the balancer. */
export interface BalancerStatus {
  readonly isInCharge: boolean;
  /** The last decision; undefined when none was made since the map has changed. */
  readonly plan: Plan | undefined;
  /** Steps done since this node began to be in charge. */
  readonly steps: number;
  /** Why the last step failed; undefined when it did not. */
  readonly failure: string | undefined;
}

/** See the head of this file. */
export class Balancer {
  readonly #port: BalancerPort;
  readonly #options: BalancerOptions;
  /** When a shard's leader was last told to hand over. Invariant: at most one entry per shard. */
  readonly #transfers = new Map<number, number>();
  #plan: Plan | undefined;
  /** The map has changed since the last look began. */
  #isOutdated = false;
  #steps = 0;
  /** Steps in a row that came too early. */
  #earlySteps = 0;
  #failure: string | undefined;
  #cancel: (() => void) | undefined;
  #turn: Promise<void> | undefined;
  #wasInCharge = false;
  #isStopped = false;

  constructor(port: BalancerPort, options: BalancerOptions) {
    this.#port = port;
    this.#options = options;
  }

  start(): void {
    this.#plan = undefined;
    this.#next(0);
  }

  /** Resolves when the step under way has ended; none follows. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel?.();
    await this.#turn;
  }

  /** Looks again soon: something has changed. */
  nudge(): void {
    this.#isOutdated = true;
    if (this.#turn !== undefined || this.#isStopped) return;
    this.#cancel?.();
    this.#next(0);
  }

  status(): BalancerStatus {
    const { isInCharge } = this.#port;
    const plan = this.#isOutdated ? undefined : this.#plan;
    return { isInCharge, plan, steps: this.#steps, failure: this.#failure };
  }

  #next(delayMs: number): void {
    if (this.#isStopped) return;
    this.#cancel = this.#port.schedule(delayMs, () => {
      this.#turn = this.#run()
        .catch((error: unknown) => {
          this.#port.onDefect?.(error);
          return this.#options.idleMs;
        })
        .then((pauseMs) => {
          this.#turn = undefined;
          // Told during the turn of what it may not have seen; its own steps tell of themselves, too.
          this.#next(this.#isOutdated ? Math.min(pauseMs, this.#options.stepMs) : pauseMs);
        });
    });
  }

  /** @returns milliseconds until the next look */
  async #run(): Promise<number> {
    const { idleMs, stepMs, failureMs } = this.#options;
    if (this.#isOutdated) this.#plan = undefined;
    this.#isOutdated = false;
    if (!this.#port.isInCharge) {
      this.#wasInCharge = false;
      this.#plan = undefined;
      this.#steps = 0;
      this.#earlySteps = 0;
      this.#failure = undefined;
      this.#transfers.clear();
      return idleMs;
    }
    if (!this.#wasInCharge) this.#port.onTakingOver?.();
    this.#wasInCharge = true;
    const facts = await this.#port.look();
    if (this.#isStopped || !this.#port.isInCharge) return idleMs;
    const plan = planNext({ ...facts, settling: this.#settling() }, this.#options);
    this.#plan = plan;
    if (plan.type !== "step") return plan.type === "wait" ? stepMs : idleMs;
    const { step } = plan;
    if (step.type === "transfer-leader") this.#transfers.set(step.shard, this.#port.monotonicMs());
    try {
      await this.#port.perform(step);
    } catch (error) {
      const isEarly = this.#port.isPassing?.(error) === true;
      this.#earlySteps = isEarly ? this.#earlySteps + 1 : 0;
      const isFailure = !isEarly || this.#earlySteps >= MOST_EARLY_STEPS;
      this.#failure = isFailure ? wordsOf(error) : undefined;
      this.#port.onStep?.(step, error);
      return failureMs;
    }
    this.#failure = undefined;
    this.#earlySteps = 0;
    this.#steps += 1;
    this.#port.onStep?.(step, undefined);
    return stepMs;
  }

  #settling(): ReadonlySet<number> {
    const since = this.#port.monotonicMs() - this.#options.settleMs;
    for (const [shard, atMs] of this.#transfers) if (atMs <= since) this.#transfers.delete(shard);
    return new Set(this.#transfers.keys());
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
