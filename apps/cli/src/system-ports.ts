/** Real time and randomness. */
import type { Clock, Random } from "./ports.js";

export const systemClock: Clock = Object.freeze({
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs: number, callback: () => void): () => void {
    // Timers know whole milliseconds only, and would turn less into one.
    if (delayMs < 1) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
});

/** Good enough for load; nothing here is a secret. */
export const systemRandom: Random = Object.freeze({
  nextInt: (bound: number) => Math.floor(Math.random() * bound),
});
