import type { Random } from "../ports.js";

/** Random numbers for tests: one seed, one sequence. */
export type SeededRandom = Random;

/** Mulberry32, by T. Ettinger (public domain): small and even enough for tests. */
export function createSeededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  return {
    nextInt(bound: number): number {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
    },
  };
}

/** The seed of this run, `TITAN_SEED` or a fresh one, printed so that a failure can be replayed. */
export function announceSeed(): number {
  const given = process.env["TITAN_SEED"];
  const seed = given === undefined ? Date.now() % 2 ** 31 : Number(given);
  process.stdout.write(`TITAN_SEED=${seed}\n`);
  return seed;
}
