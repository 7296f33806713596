/** The real clock and the real dice. */
import { performance } from "node:perf_hooks";
import type { Clock, Random } from "./ports.js";

/** Node's monotonic clock and timers. Timers keep the process alive: somebody awaits what they end. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Not for secrets: it only spreads retries. */
export const systemRandom: Random = {
  nextInt: (bound) => Math.floor(Math.random() * bound),
};
