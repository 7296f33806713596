import { expect, test } from "vitest";
import { compareDigests } from "../../src/integrity/compare-digests.js";

const digests = (...all: readonly (readonly [number, string])[]) => new Map(all);

test("replicas that agree are the same, however many answered", () => {
  expect(compareDigests(digests([1, "a"], [2, "a"], [3, "a"]), 3)).toEqual({
    type: "same",
    compared: 3,
  });
  expect(compareDigests(digests([2, "a"]), 3)).toEqual({ type: "same", compared: 1 });
  expect(compareDigests(digests(), 3)).toEqual({ type: "same", compared: 0 });
});

test("a majority of all replicas tells which are wrong", () => {
  const verdict = compareDigests(digests([1, "b"], [2, "a"], [3, "a"]), 3);
  expect(verdict).toEqual({ type: "divergent", nodes: [1] });
  const five = digests([1, "b"], [2, "a"], [3, "a"], [4, "c"], [5, "a"]);
  expect(compareDigests(five, 5)).toEqual({ type: "divergent", nodes: [1, 4] });
});

test("half of them, or a majority of those that answered alone, decide nothing", () => {
  expect(compareDigests(digests([1, "b"], [2, "a"]), 2).type).toBe("undecided");
  expect(compareDigests(digests([1, "b"], [2, "a"], [3, "a"]), 5).type).toBe("undecided");
  expect(compareDigests(digests([1, "a"], [2, "b"], [3, "c"]), 3)).toEqual({
    type: "undecided",
    groups: [[1], [2], [3]],
  });
});
