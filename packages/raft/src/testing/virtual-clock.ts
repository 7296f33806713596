/** The {@link Clock} port without a clock: time passes when a test says so. */

import type { Clock } from "../wal/ports.js";
import { EventQueue } from "./event-queue.js";

/** An arbitrary day, so that wall time looks like one. */
const START_WALL_MS = Date.UTC(2026, 0, 1);

export class VirtualClock implements Clock {
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #wallOffsetMs = START_WALL_MS;

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const event = this.#queue.add(this.#nowMs + Math.max(0, delayMs), callback);
    return () => {
      event.isCancelled = true;
    };
  }

  /** Lets time pass, and runs what falls due on the way, each at its time. */
  advance(milliseconds: number): void {
    const endMs = this.#nowMs + milliseconds;
    for (let at = this.#queue.nextAt; at !== undefined && at <= endMs; at = this.#queue.nextAt) {
      const event = this.#queue.take();
      if (event === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, event.at);
      event.run();
    }
    this.#nowMs = endMs;
  }

  /** Wall time jumps; time that is measured does not. */
  jumpWall(milliseconds: number): void {
    this.#wallOffsetMs += milliseconds;
  }
}
