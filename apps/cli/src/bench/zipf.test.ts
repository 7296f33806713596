import { expect, test } from "vitest";
import { seededRandom } from "../../test/seeded-random.js";
import { zipf } from "./zipf.js";

const DRAWS = 200_000;

test.each([1, 2, 3, 10, 1_000])("ranks of %d come as often as 1/rank^0.99 says", (count) => {
  const random = seededRandom();
  const draw = zipf(count, random);
  const seen = new Float64Array(count);
  for (let at = 0; at < DRAWS; at += 1) {
    const item = draw();
    seen[item] = (seen[item] ?? 0) + 1;
  }
  // The slow and obvious twin: the law itself.
  const weights = Array.from({ length: count }, (_, at) => (at + 1) ** -0.99);
  const sum = weights.reduce((a, b) => a + b);
  const counted = seen.reduce((a, b) => a + b);
  expect(counted, "every draw is an item").toBe(DRAWS);
  for (const [item, weight] of weights.entries()) {
    const expected = (DRAWS * weight) / sum;
    // Six standard deviations: by chance less than once in a hundred million.
    const off = Math.abs((seen[item] ?? 0) - expected);
    expect(off, `item ${item}, seed ${random.seed}`).toBeLessThanOrEqual(6 * Math.sqrt(expected));
  }
});
