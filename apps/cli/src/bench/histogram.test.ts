import { describe, expect, test } from "vitest";
import { seededRandom } from "../../test/seeded-random.js";
import { Histogram } from "./histogram.js";

const QUANTILES = [0.000_1, 0.1, 0.5, 0.9, 0.99, 0.999, 1];

/** The slow and obvious twin: all values, sorted. */
function exactMs(sortedUs: readonly number[], quantile: number): number {
  return (sortedUs[Math.max(1, Math.ceil(sortedUs.length * quantile)) - 1] ?? 0) / 1_000;
}

function histogramOf(valuesUs: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const us of valuesUs) histogram.record(us / 1_000);
  return histogram;
}

describe("a histogram", () => {
  test.each([255, 300, 5_000, 1e6, 1e9, 2 ** 40])(
    "is never below the exact quantile, and above it by less than 1/128, for values up to %d µs",
    (boundUs) => {
      const random = seededRandom();
      for (const size of [1, 2, 10, 1_000]) {
        // Over all orders of magnitude alike.
        const values = Array.from({ length: size }, () =>
          Math.floor(boundUs ** (random.nextInt(2 ** 32) / 2 ** 32)),
        );
        const histogram = histogramOf(values);
        const sorted = values.toSorted((a, b) => a - b);
        for (const quantile of QUANTILES) {
          const exact = exactMs(sorted, quantile);
          const found = histogram.quantileMs(quantile);
          expect(found, `seed ${random.seed}`).toBeGreaterThanOrEqual(exact);
          expect(found, `seed ${random.seed}`).toBeLessThanOrEqual(exact * (1 + 1 / 128));
        }
        expect([histogram.count, histogram.maxMs]).toEqual([size, (sorted.at(-1) ?? 0) / 1_000]);
      }
    },
  );

  test("keeps its bound around every power of two", () => {
    for (let exponent = 0; exponent < 40; exponent += 1) {
      for (const us of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1]) {
        // A larger one beside it, or the largest value would hide the bucket's end.
        const found = Math.round(histogramOf([us, 2 ** 40]).quantileMs(0.5) * 1_000);
        expect(found).toBeGreaterThanOrEqual(us);
        expect(found - us).toBeLessThan(Math.max(1, us / 128));
      }
    }
  });

  test("of nothing has zeros", () => {
    const histogram = new Histogram();
    expect([histogram.count, histogram.maxMs, histogram.quantileMs(0.5)]).toEqual([0, 0, 0]);
  });

  test("counts what is too long as the longest that it knows", () => {
    const histogram = histogramOf([2 ** 50]);
    expect(histogram.maxMs).toBe(2 ** 40 / 1_000);
    expect(histogram.quantileMs(1)).toBe(histogram.maxMs);
  });
});
