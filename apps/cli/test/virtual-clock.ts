/** Time that moves when a test says so. */
import type { Clock } from "../src/ports.js";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

export class VirtualClock implements Clock {
  private nowMs = 0;
  /** In the order in which they were set. */
  private readonly timers = new Set<Timer>();

  monotonicMs(): number {
    return this.nowMs;
  }

  /** 2026-01-01T00:00:00Z and what has passed since. */
  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.nowMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Milliseconds until the next timer; `undefined`: there is none. */
  get nextInMs(): number | undefined {
    const next = this.next();
    return next === undefined ? undefined : Math.max(0, next.atMs - this.nowMs);
  }

  /** Lets time pass, and calls what is due by its end, in order. */
  advance(ms: number): void {
    const end = this.nowMs + ms;
    for (let timer = this.next(); timer !== undefined && timer.atMs <= end; timer = this.next()) {
      this.timers.delete(timer);
      this.nowMs = Math.max(this.nowMs, timer.atMs);
      timer.callback();
    }
    this.nowMs = end;
  }

  /** Stands still as a process does whose event loop is blocked: time passes, nothing is called. */
  stall(ms: number): void {
    this.nowMs += ms;
  }

  private next(): Timer | undefined {
    return [...this.timers].toSorted((a, b) => a.atMs - b.atMs)[0];
  }
}

/** All that is ready runs: promises, and what waits for the next turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets time pass until `work` has settled. */
export async function passTime<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let isSettled = false;
  const settle = (): void => void (isSettled = true);
  work.then(settle, settle);
  for (;;) {
    await turn();
    if (isSettled) return work;
    clock.advance(clock.nextInMs ?? 0);
  }
}
