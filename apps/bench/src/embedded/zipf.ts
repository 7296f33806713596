/**
 * Numbers that follow Zipf's law with exponent 0.99, as YCSB draws them (Gray et al., "Quickly
 * generating billion-record synthetic databases", SIGMOD 1994, figure 4; YCSB's ScrambledZipfian).
 */
import { Dice } from "./key-space.js";

const EXPONENT = 0.99;

export class Zipf {
  private readonly count: number;
  private readonly dice: Dice;
  private readonly zeta: number;
  private readonly eta: number;
  private readonly alpha = 1 / (1 - EXPONENT);
  /** Popular numbers are spread over the whole range by this stride, coprime to the count. */
  private readonly stride: number;

  /** @param count numbers are drawn from [0, count) */
  constructor(count: number, seed: number) {
    this.count = count;
    this.dice = new Dice(seed);
    let zeta = 0;
    for (let rank = 1; rank <= count; rank += 1) zeta += rank ** -EXPONENT;
    this.zeta = zeta;
    const zetaOfTwo = 1 + 2 ** -EXPONENT;
    this.eta = (1 - (2 / count) ** (1 - EXPONENT)) / (1 - zetaOfTwo / zeta);
    this.stride = coprimeTo(count);
  }

  next(): number {
    const fraction = this.dice.fraction();
    const scaled = fraction * this.zeta;
    if (scaled < 1) return this.scatter(0);
    if (scaled < 1 + 2 ** -EXPONENT) return this.scatter(1);
    const rank = Math.floor(this.count * (this.eta * fraction - this.eta + 1) ** this.alpha);
    return this.scatter(Math.min(rank, this.count - 1));
  }

  private scatter(rank: number): number {
    return (rank * this.stride) % this.count;
  }
}

/** A stride of about 0.618 × count: `i * stride % count` visits every number once. */
export function coprimeTo(count: number): number {
  let stride = Math.max(1, Math.floor(count * 0.618));
  while (greatestCommonDivisor(stride, count) !== 1) stride += 1;
  return stride;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
