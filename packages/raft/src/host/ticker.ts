/**
 * Time in ticks. A timer that comes late gives one tick, never a burst: to a process that stood still,
 * time that it could not use has not passed. So a stalled follower does not campaign before it has had
 * the chance to hear its leader, and a stalled leader is replaced by those who did not stand still.
 */

import type { Clock } from "../wal/ports.js";

export interface TickerOptions {
  readonly clock: Clock;
  readonly tickMs: number;
  readonly onTick: (nowMs: number) => void;
  /** The timer came this much too late, a tick or more. */
  readonly onStall: (lateMs: number) => void;
}

export class Ticker {
  readonly #options: TickerOptions;
  #dueMs = 0;
  #cancel: (() => void) | undefined;

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#cancel !== undefined) return;
    this.#dueMs = this.#options.clock.monotonicMs();
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    const { clock, tickMs } = this.#options;
    const nowMs = clock.monotonicMs();
    // From the time it was due, so that small delays do not add up.
    this.#dueMs = Math.max(this.#dueMs + tickMs, nowMs);
    this.#cancel = clock.schedule(this.#dueMs - nowMs, () => this.#run());
  }

  #run(): void {
    const { clock, tickMs, onTick, onStall } = this.#options;
    const nowMs = clock.monotonicMs();
    const lateMs = nowMs - this.#dueMs;
    if (lateMs >= tickMs) {
      this.#dueMs = nowMs;
      onStall(lateMs);
    }
    this.#schedule();
    onTick(nowMs);
  }
}
