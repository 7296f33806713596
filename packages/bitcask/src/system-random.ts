import { randomInt } from "node:crypto";
import type { Random } from "./ports.js";

/** Dice from the operating system. */
export class SystemRandom implements Random {
  nextInt(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new RangeError(`not a bound in [1, 2^32]: ${bound}`);
    }
    return randomInt(bound);
  }
}
