/** The {@link Random} port from a seed: the same seed gives the same numbers, on every machine. */

import type { Random } from "../wal/ports.js";

const MAX_BOUND = 2 ** 32;

/** The generator sfc32 (Chris Doty-Humphrey, public domain), in integer steps only. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param stream tells apart sources of one seed that must not influence each other */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / MAX_BOUND) | 0;
    this.#c = stream | 0;
    // As many rounds as it takes for every bit of the seed to reach every bit of the state.
    for (let round = 0; round < 12; round += 1) this.#next();
  }

  nextInt(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > MAX_BOUND) {
      throw new RangeError(`a bound is an integer from 1 to 2^32, not ${bound}`);
    }
    return Math.floor((this.#next() / MAX_BOUND) * bound);
  }

  /** Whether something happens that does in `percent` of a hundred cases. */
  isChance(percent: number): boolean {
    return this.nextInt(100) < percent;
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.nextInt(high - low + 1);
  }

  /** One of `choices`, which are not empty. */
  pick<Choice>(choices: readonly Choice[]): Choice {
    return choices[this.nextInt(choices.length)] as Choice;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}
