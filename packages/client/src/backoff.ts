/** How long to wait before trying again. */
import type { Random } from "./ports.js";

/** Bounds of a series of waits, in milliseconds. Invariant: `1 <= baseMs <= maxMs`. */
export interface BackoffBounds {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Largest wait after `failures` (>= 1) failures in a row: doubles each time, up to `maxMs`. */
function ceilingMs(failures: number, { baseMs, maxMs }: BackoffBounds): number {
  // 2^30 times anything is past every maximum; without the bound the power would end in Infinity.
  return Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
}

/** A wait in `[0, ceiling]`, uniformly: spreads the retries of many callers best. */
export function fullJitterMs(random: Random, failures: number, bounds: BackoffBounds): number {
  return random.nextInt(Math.floor(ceilingMs(failures, bounds)) + 1);
}

/** A wait in `[ceiling / 2, ceiling]`, uniformly: for one caller that must not spin. */
export function equalJitterMs(random: Random, failures: number, bounds: BackoffBounds): number {
  const half = Math.ceil(ceilingMs(failures, bounds) / 2);
  return half + random.nextInt(half + 1);
}
