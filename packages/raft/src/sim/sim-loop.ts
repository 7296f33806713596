/**
 * Virtual time. One event is one callback; after it, all promises that it has settled run to their end,
 * before the next event. So a run is the same whenever its events are: nothing waits for a real clock,
 * disk or network.
 */

import { EventQueue, type QueuedEvent } from "../testing/event-queue.js";
import type { Trace } from "./trace.js";

// Taken at once, in case somebody replaces it to find strays.
const { setImmediate } = globalThis;

const US_PER_MS = 1000;

export class SimLoop {
  readonly #queue = new EventQueue();
  readonly #trace: Trace;
  #nowUs = 0;
  #steps = 0;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  get nowMs(): number {
    return this.#nowUs / US_PER_MS;
  }

  /** Events so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Calls `run` `delayUs` from now. */
  after(delayUs: number, run: () => void): QueuedEvent {
    return this.#queue.add(this.#nowUs + delayUs, run);
  }

  /**
   * Runs events until it is `endMs`, or `isOver` says so.
   * @param afterStep called after each event, when all that it has caused at once has happened
   */
  async runUntil(endMs: number, afterStep: () => void, isOver: () => boolean): Promise<void> {
    const endUs = Math.round(endMs * US_PER_MS);
    while (!isOver()) {
      const { nextAt } = this.#queue;
      if (nextAt === undefined || nextAt > endUs) break;
      const event = this.#queue.take();
      if (event === undefined) break;
      this.#nowUs = event.at;
      this.#steps += 1;
      this.#trace.number(event.at);
      event.run();
      await settlePromises();
      afterStep();
    }
    if (!isOver()) this.#nowUs = Math.max(this.#nowUs, endUs);
  }
}

/** Resolves when no promise has anything left to do. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
