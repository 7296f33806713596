import { expect, test } from "vitest";
import { seeded } from "../test/fakes/fake-transport.js";
import { equalJitterMs, fullJitterMs } from "./backoff.js";
import { RetryBudget } from "./retry-budget.js";

const BOUNDS = { baseMs: 10, maxMs: 100 };
const lowest = { nextInt: () => 0 };
const highest = { nextInt: (bound: number) => bound - 1 };

test("full jitter reaches from 0 to a ceiling that doubles up to the maximum", () => {
  const ceilings = [1, 2, 3, 4, 5, 1_000].map((n) => fullJitterMs(highest, n, BOUNDS));
  expect(ceilings).toEqual([10, 20, 40, 80, 100, 100]);
  expect(fullJitterMs(lowest, 3, BOUNDS)).toBe(0);
});

test("equal jitter reaches from half of that ceiling to all of it", () => {
  expect([1, 2, 5].map((n) => equalJitterMs(lowest, n, BOUNDS))).toEqual([5, 10, 50]);
  expect([1, 2, 5].map((n) => equalJitterMs(highest, n, BOUNDS))).toEqual([10, 20, 100]);
});

test("waits spread over the whole range", () => {
  const random = seeded(42);
  const waits = new Set(Array.from({ length: 2_000 }, () => fullJitterMs(random, 5, BOUNDS)));
  expect(waits.size).toBe(101);
});

test("a budget allows its capacity at once, then one retry for ten successes", () => {
  const budget = new RetryBudget(3);
  expect([1, 2, 3, 4].map(() => budget.take())).toEqual([true, true, true, false]);
  for (let n = 0; n < 9; n++) budget.refill();
  expect(budget.take()).toBe(false);
  for (let n = 0; n < 2; n++) budget.refill();
  expect([budget.take(), budget.take()]).toEqual([true, false]);
  for (let n = 0; n < 1_000; n++) budget.refill();
  expect([1, 2, 3, 4].map(() => budget.take())).toEqual([true, true, true, false]);
  expect(new RetryBudget(0).take()).toBe(false);
});
