/** Random numbers that come again with the same seed, which `TITAN_SEED` sets. */
import type { Random } from "../src/ports.js";

export interface SeededRandom extends Random {
  /** To be said when a test fails. */
  readonly seed: number;
}

/** Mulberry32, by Tommy Ettinger (public domain). */
export function seededRandom(seed = Number(process.env["TITAN_SEED"] ?? 1)): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { seed, nextInt: (bound) => Math.floor((next() / 2 ** 32) * bound) };
}
