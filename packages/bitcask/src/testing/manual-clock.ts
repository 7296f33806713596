/** The {@link Clock} port under a test's thumb: time stands still until it is moved. */
import type { Clock } from "../ports.js";

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  private elapsedMs = 0;
  private wallOffsetMs: number;
  private scheduled = 0;
  private readonly timers = new Set<Timer>();

  /** @param wallMs milliseconds since the Unix epoch at the start; @default 1 January 2025 */
  constructor(wallMs: number = Date.UTC(2025, 0, 1)) {
    this.wallOffsetMs = wallMs;
  }

  /** Callbacks that wait. */
  get timerCount(): number {
    return this.timers.size;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  wallMs(): number {
    return this.wallOffsetMs + this.elapsedMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    this.scheduled += 1;
    const dueMs = this.elapsedMs + Math.max(0, delayMs);
    const timer: Timer = { dueMs, order: this.scheduled, callback };
    this.timers.add(timer);
    return () => {
      this.timers.delete(timer);
    };
  }

  /**
   * Moves time forward. Callbacks run at their own time, in the order of it and of their scheduling,
   * including those that callbacks schedule within the span.
   * @param milliseconds finite, not negative
   */
  advance(milliseconds: number): void {
    if (!(milliseconds >= 0 && milliseconds < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`time moves by a finite span forward, not by ${milliseconds}`);
    }
    const endMs = this.elapsedMs + milliseconds;
    for (let timer = this.nextTimer(); timer !== undefined; timer = this.nextTimer()) {
      if (timer.dueMs > endMs) break;
      this.timers.delete(timer);
      this.elapsedMs = Math.max(this.elapsedMs, timer.dueMs);
      timer.callback();
    }
    this.elapsedMs = Math.max(this.elapsedMs, endMs);
  }

  /** Sets the wall clock forward or back, as an administrator or NTP does; durations do not notice. */
  jumpWall(milliseconds: number): void {
    this.wallOffsetMs += milliseconds;
  }

  private nextTimer(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.timers) {
      const isEarlier =
        next === undefined ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.order < next.order);
      if (isEarlier) next = timer;
    }
    return next;
  }
}
