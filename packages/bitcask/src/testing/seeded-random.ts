/**
 * The {@link Random} port from a seed. Generator: xoshiro128** 1.1 (Blackman and Vigna, 2018, public
 * domain), 128 bits of state filled from the seed by splitmix32. Not for secrets.
 */
import type { Random } from "../ports.js";

const TWO_TO_32 = 2 ** 32;

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

export class SeededRandom implements Random {
  /** The seed that replays this generator. */
  readonly seed: number;
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** @param seed an integer; its low 32 bits count */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) throw new RangeError(`a seed is an integer, not ${seed}`);
    this.seed = seed;
    let state = seed | 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let word = state ^ (state >>> 16);
      word = Math.imul(word, 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      return word ^ (word >>> 15);
    };
    this.a = next();
    this.b = next();
    this.c = next();
    this.d = next();
  }

  nextInt(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > TWO_TO_32) {
      throw new RangeError(`a bound is an integer from 1 to 2^32, not ${bound}`);
    }
    // Words past the last whole multiple of the bound are thrown away, or low results would be favoured.
    const limit = TWO_TO_32 - (TWO_TO_32 % bound);
    for (;;) {
      const word = this.nextWord();
      if (word < limit) return word % bound;
    }
  }

  /** A generator with a seed drawn from this one, so that one part's draws do not shift another's. */
  fork(): SeededRandom {
    return new SeededRandom(this.nextWord());
  }

  private nextWord(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.b, 5), 7), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = rotateLeft(this.d, 11);
    return result;
  }
}

/**
 * The seed of a random test: `TITAN_SEED` when it is set, else `fallback`.
 * @throws RangeError when `TITAN_SEED` is not an integer
 */
export function seedFrom(
  environment: Readonly<Record<string, string | undefined>>,
  fallback: number,
): number {
  const text = environment["TITAN_SEED"];
  if (text === undefined || text === "") return fallback;
  const seed = Number(text);
  if (!Number.isSafeInteger(seed)) throw new RangeError(`TITAN_SEED is an integer, not "${text}"`);
  return seed;
}
