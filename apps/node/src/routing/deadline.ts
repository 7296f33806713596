/** How long a request may take, over all that is tried for it. */
import { KvError } from "../kv/kv-error.js";
import type { CallLimits } from "../shard/shard-replica.js";
import type { RoutingClock } from "./cluster-view.js";

export class Deadline {
  readonly #clock: RoutingClock;
  readonly #endMs: number;
  readonly #limits: CallLimits;

  /** @param startedMs monotonic, when the request began */
  constructor(clock: RoutingClock, limits: CallLimits, startedMs: number = clock.monotonicMs()) {
    this.#clock = clock;
    this.#limits = limits;
    this.#endMs = startedMs + limits.timeoutMs;
  }

  get timeoutMs(): number {
    return this.#limits.timeoutMs;
  }

  get leftMs(): number {
    return this.#endMs - this.#clock.monotonicMs();
  }

  /** For what is tried next, which may take no more than `mostMs`. */
  limits(mostMs: number = Number.POSITIVE_INFINITY): CallLimits {
    const { signal } = this.#limits;
    const timeoutMs = Math.min(mostMs, Math.max(0, this.leftMs));
    return signal === undefined ? { timeoutMs } : { timeoutMs, signal };
  }

  throwIfAborted(): void {
    this.#limits.signal?.throwIfAborted();
  }

  /**
   * Waits, no longer than to the deadline, and no longer than the caller does.
   * @returns false when the time is over
   */
  async pause(pauseMs: number): Promise<boolean> {
    const { signal } = this.#limits;
    const leftMs = this.leftMs;
    if (leftMs <= 0) return false;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.#clock.schedule(Math.min(pauseMs, leftMs), end);
      signal?.addEventListener("abort", end, { once: true });
    });
    signal?.throwIfAborted();
    return this.leftMs > 0;
  }

  /** The error of a request whose time is over before anything came of it. */
  timedOut(what: string): KvError {
    const message = `${what} within ${Math.ceil(this.timeoutMs)} ms`;
    return new KvError({ code: "TIMED_OUT", message });
  }
}
