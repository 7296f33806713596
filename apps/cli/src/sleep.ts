/** Waiting that Ctrl-C ends. */
import type { Clock } from "./ports.js";

/**
 * Resolves after `delayMs`. Rejects with the reason of `signal` when it fires, also when it already
 * has.
 */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const cancel = clock.schedule(delayMs, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    const stop = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
