import { expect, test } from "vitest";
import { createValues, Dice, KEY_BYTES, KeySpace } from "./key-space.js";

test("keys are 16 hexadecimal digits, distinct, in no order, and the same for the same seed", () => {
  const keys = new KeySpace(7).keys(0, 100_000);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.every((key) => /^[0-9a-f]{16}$/.test(key) && key.length === KEY_BYTES)).toBe(true);
  const ascents = keys.filter((key, index) => key > (keys[index - 1] ?? "")).length;
  expect(ascents / keys.length).toBeCloseTo(0.5, 1);
  expect(new KeySpace(7).key(99_999)).toBe(keys[99_999]);
  expect(new KeySpace(8).key(0)).not.toBe(keys[0]);
});

test("first digits of keys are spread evenly, so that a scan has rows behind any start", () => {
  const counts = new Map<string, number>();
  for (const key of new KeySpace(1).keys(0, 16_000)) {
    counts.set(key.charAt(0), (counts.get(key.charAt(0)) ?? 0) + 1);
  }
  expect(counts.size).toBe(16);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(200);
});

test("dice are uniform and repeat for a seed", () => {
  const dice = new Dice(3);
  const draws = Array.from({ length: 10_000 }, () => dice.below(10));
  expect(Math.min(...draws)).toBe(0);
  expect(Math.max(...draws)).toBe(9);
  expect(draws.reduce((sum, draw) => sum + draw, 0) / draws.length).toBeCloseTo(4.5, 0);
  const again = new Dice(3);
  expect(draws.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => again.below(10)));
});

test("values have the size asked for and do not repeat one another", () => {
  const values = createValues(5, 100);
  expect(values.every((value) => value.length === 100)).toBe(true);
  const texts = new Set(values.slice(0, 100).map((value) => value.toString("hex")));
  expect(texts.size).toBeGreaterThan(95);
});
