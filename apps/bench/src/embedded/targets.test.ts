import { expect, test } from "vitest";
import type { StoreName } from "./engines/engine.js";
import { atLeast, atMost, judge } from "./targets.js";

const FIGURES = new Map<StoreName, number>([
  ["titan", 150],
  ["lmdb", 200],
  ["classic-level", 100],
  ["rocksdb", 50],
]);

test("a ratio is taken to the fastest of the stores that a target names", () => {
  expect(judge(atLeast(0.75, "lmdb"), FIGURES)).toMatchObject({ actual: 0.75, isMet: true });
  expect(judge(atLeast(0.76, "lmdb"), FIGURES)).toMatchObject({ isMet: false });
  expect(judge(atLeast(1.6, "rest"), FIGURES)).toMatchObject({ actual: 1.5, isMet: false });
  expect(judge(atLeast(1.5, "classic-level"), FIGURES)).toMatchObject({ actual: 1.5, isMet: true });
  expect(judge(atLeast(1, "best"), FIGURES)).toMatchObject({ actual: 0.75, isMet: false });
});

test("a limit is met up to its value", () => {
  expect(judge(atMost(150), FIGURES)).toMatchObject({ actual: 150, isMet: true });
  expect(judge(atMost(149), FIGURES)).toMatchObject({ actual: 150, isMet: false });
});

test("what was not measured is neither met nor missed", () => {
  const alone = new Map<StoreName, number>([["titan", 150]]);
  expect(judge(atLeast(1, "best"), alone).isMet).toBeUndefined();
  expect(judge(atMost(10), new Map()).isMet).toBeUndefined();
});
