/** Time that passes only when told to. */
import type { Clock } from "../../src/ports.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class VirtualClock implements Clock {
  private nowMs = 0;
  private readonly timers = new Set<{ readonly atMs: number; callback(): void }>();

  monotonicMs(): number {
    return this.nowMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    // As Node's timers do.
    const waitMs = delayMs > LONGEST_TIMER_MS ? 1 : delayMs;
    const timer = { atMs: this.nowMs + waitMs, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Timers that have neither fired nor been cancelled. */
  get pending(): number {
    return this.timers.size;
  }

  /** Lets `byMs` pass, firing what is due in order and letting promises settle in between. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.nowMs + byMs;
    await settle();
    for (;;) {
      const due = [...this.timers].filter(({ atMs }) => atMs <= untilMs);
      const [next] = due.sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.callback();
      await settle();
    }
    this.nowMs = untilMs;
  }
}

/** Lets every promise settle that only waits for other promises. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
