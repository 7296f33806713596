/** Randomness for tests: seeded, and with the seed in the hands of whoever reruns a failure. */

import type { Random } from "../../src/core/index.js";

/** TITAN_SEED, or one drawn now. */
export function testSeed(): number {
  const given = process.env["TITAN_SEED"];
  return given === undefined || given === "" ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/** A small generator of good enough quality (mulberry32, public domain). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    nextInt(bound: number): number {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
    },
  };
}
