/** The time of a test server and its clients: that of another clock, and what was skipped. */
import { setImmediate } from "node:timers";
import type { Clock } from "../ports.js";
import { systemClock } from "../system-ports.js";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
  cancel: () => void;
}

/** Longest time that a Node timer can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** By what a test runner's fake timers stand in for, so that a server keeps to their time. */
export const RUNNING: Clock = { ...systemClock, monotonicMs: () => Date.now() };
/** A clock that stands still. */
export const STOPPED: Clock = { monotonicMs: () => 0, schedule: () => nothing };

export class TestClock implements Clock {
  private skippedMs = 0;
  private readonly timers = new Set<Timer>();

  constructor(private readonly base: Clock) {}

  monotonicMs(): number {
    return this.base.monotonicMs() + this.skippedMs;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.monotonicMs() + delayMs, callback, cancel: nothing };
    this.timers.add(timer);
    this.arm(timer);
    return () => this.drop(timer);
  }

  /** Skips time: fires what is due meanwhile in order, and lets promises settle in between. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.monotonicMs() + byMs;
    await settle();
    for (
      let timer = this.next();
      timer !== undefined && timer.atMs <= untilMs;
      timer = this.next()
    ) {
      this.skipTo(timer.atMs);
      this.fire(timer);
      await settle();
    }
    this.skipTo(untilMs);
    for (const timer of this.timers) this.arm(timer);
    await settle();
  }

  private next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.timers) if (next === undefined || timer.atMs < next.atMs) next = timer;
    return next;
  }

  private skipTo(atMs: number): void {
    this.skippedMs += Math.max(0, atMs - this.monotonicMs());
  }

  private arm(timer: Timer): void {
    timer.cancel();
    const leftMs = Math.max(0, timer.atMs - this.monotonicMs());
    timer.cancel = this.base.schedule(Math.min(MAX_TIMER_MS, leftMs), () => {
      // One that waits for longer than a timer can is armed again.
      if (timer.atMs - this.monotonicMs() > 1) this.arm(timer);
      else this.fire(timer);
    });
  }

  private fire(timer: Timer): void {
    this.drop(timer);
    timer.callback();
  }

  private drop(timer: Timer): void {
    timer.cancel();
    this.timers.delete(timer);
  }
}

/** Lets every promise settle that only waits for other promises. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}

function nothing(): void {}
