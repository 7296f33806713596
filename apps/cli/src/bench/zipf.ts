/**
 * Zipf's law: of `count` items the one of rank k (from 1) is drawn with a likelihood in proportion
 * to 1/k^s. Drawn by rejection-inversion (W. Hörmann, G. Derflinger: Rejection-inversion to
 * generate variates from monotone discrete distributions, ACM TOMACS 6, 1996), which is exact and
 * needs no table: the hat is the integral H of x^-s, inverted; less than two draws on average are
 * needed for one result.
 */
import type { Random } from "../ports.js";

/**
 * As YCSB has it: of a million keys the hottest one takes 6 % of the calls, the hottest thousand
 * half.
 */
const EXPONENT = 0.99;

/** H(x), up to a constant. The exponent is not 1, where it would be the logarithm. */
const integral = (x: number): number => x ** (1 - EXPONENT) / (1 - EXPONENT);
const inverse = (y: number): number => (y * (1 - EXPONENT)) ** (1 / (1 - EXPONENT));
const weight = (k: number): number => k ** -EXPONENT;

/** @returns what draws a number in [0, count), 0 most often */
export function zipf(count: number, random: Random): () => number {
  const low = integral(1.5) - weight(1);
  const high = integral(count + 0.5);
  /** Closer than this to its rank, a draw needs no look at the law. */
  const sure = 2 - inverse(integral(2.5) - weight(2));
  return () => {
    for (;;) {
      const y = high + (random.nextInt(2 ** 32) / 2 ** 32) * (low - high);
      const x = inverse(y);
      const rank = Math.min(count, Math.max(1, Math.round(x)));
      if (rank - x <= sure || y >= integral(rank + 0.5) - weight(rank)) return rank - 1;
    }
  };
}
