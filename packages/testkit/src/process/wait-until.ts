/** Waits for a condition, looking often at first and then less so, instead of sleeping for a guessed time. */

const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 100;

export interface WaitOptions {
  /** What is waited for, for the error. */
  readonly what: string;
  /** @default 30_000 */
  readonly timeoutMs?: number;
}

/**
 * Resolves with what `probe` gives once it is not undefined or false. A probe that throws has not succeeded yet.
 * @throws Error naming what was waited for and the probe's last error, after the timeout
 */
export async function waitUntil<Found>(
  probe: () => Promise<Found | undefined | false> | Found | undefined | false,
  { what, timeoutMs = 30_000 }: WaitOptions,
): Promise<Found> {
  const end = performance.now() + timeoutMs;
  let lastError: unknown;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > end) {
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}`, { cause: lastError });
    }
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs);
    });
  }
}
