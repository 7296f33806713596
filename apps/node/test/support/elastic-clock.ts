/** The machine's clock, which a test can set ahead: what was to happen meanwhile then happens at once. */
import { type Clock, SystemClock } from "@titan/bitcask";

interface Timer {
  readonly dueMs: number;
  readonly run: () => void;
}

export class ElasticClock implements Clock {
  readonly #real = new SystemClock();
  readonly #timers = new Set<Timer>();
  #aheadMs = 0;

  monotonicMs(): number {
    return this.#real.monotonicMs() + this.#aheadMs;
  }

  wallMs(): number {
    return this.#real.wallMs() + this.#aheadMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer: Timer = {
      dueMs: this.monotonicMs() + delayMs,
      run: () => {
        cancel();
        callback();
      },
    };
    const cancelReal = this.#real.schedule(delayMs, timer.run);
    const cancel = (): void => {
      cancelReal();
      this.#timers.delete(timer);
    };
    this.#timers.add(timer);
    return cancel;
  }

  advance(milliseconds: number): void {
    this.#aheadMs += milliseconds;
    const nowMs = this.monotonicMs();
    for (const timer of [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)) {
      if (timer.dueMs <= nowMs && this.#timers.has(timer)) timer.run();
    }
  }
}
