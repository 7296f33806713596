/** Holds transfers back to so many bytes a second, all of them together. */

import type { Clock } from "../../wal/ports.js";

const MS_PER_SECOND = 1000;

export class Pace {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  /** When all that was let through will have had its time. */
  #freeAtMs = 0;

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond / MS_PER_SECOND;
  }

  /** Resolves when `bytes` may go. Those who ask later go later. */
  async take(bytes: number): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const startMs = Math.max(nowMs, this.#freeAtMs);
    this.#freeAtMs = startMs + bytes / this.#bytesPerMs;
    if (startMs <= nowMs) return;
    await new Promise<void>((resolve) => {
      this.#clock.schedule(startMs - nowMs, resolve);
    });
  }
}
