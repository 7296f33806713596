import fc from "fast-check";
import { expect, test } from "vitest";
import { type Action, type Answer, checkHistory, type Operation } from "../src/index.js";
import { isLinearizableByBruteForce } from "./brute-force.js";

const runs = Number(process.env["TITAN_RUNS"] ?? 2_000);
const seed = Number(process.env["TITAN_SEED"] ?? Date.now() % 2 ** 31);

const aValue = fc.constantFrom("1", "2", "3");
const aValueOrNone = fc.constantFrom("1", "2", undefined);
const aStep: fc.Arbitrary<{ action: Action; answer: Answer | undefined }> = fc.oneof(
  fc.record({
    action: fc.constant({ kind: "get" as const }),
    answer: fc.record({ value: aValueOrNone }),
  }),
  fc.record({
    action: aValue.map((value) => ({ kind: "put" as const, value })),
    answer: fc.constantFrom({}, {}, undefined),
  }),
  fc.record({
    action: fc.constant({ kind: "delete" as const }),
    answer: fc.constantFrom({ existed: true }, { existed: false }, {}, undefined),
  }),
  fc.record({
    action: fc.record({
      kind: fc.constant("cas" as const),
      expected: aValueOrNone,
      value: aValueOrNone,
    }),
    answer: fc.oneof(
      fc.constantFrom<Answer | undefined>({ applied: true }, { applied: false }, undefined),
      aValueOrNone.map((value) => ({ applied: false, current: { value } })),
    ),
  }),
  fc.record({
    action: fc.constant({ kind: "increment" as const, delta: 1 }),
    answer: fc.constantFrom<Answer | undefined>(
      { value: "1" },
      { value: "2" },
      { value: "3" },
      undefined,
    ),
  }),
);

/** Up to seven operations, overlapping at random. */
const aHistory: fc.Arbitrary<Operation[]> = fc
  .array(fc.tuple(aStep, fc.nat(30), fc.nat(12)), { maxLength: 7 })
  .map((steps) =>
    steps.map(([{ action, answer }, begin, length], id) => ({
      ...{ id, process: `p${id}`, key: "k", action, answer },
      invokedAt: begin * 100 + id,
      returnedAt:
        answer === undefined ? Number.POSITIVE_INFINITY : (begin + length) * 100 + 50 + id,
    })),
  );

test("random histories are judged as by trying every order", () => {
  const counts = { linearizable: 0, not: 0 };
  fc.assert(
    fc.property(aHistory, (operations) => {
      const expected = isLinearizableByBruteForce(operations);
      counts[expected ? "linearizable" : "not"] += 1;
      const verdict = checkHistory(operations);
      expect(verdict.undecided).toEqual([]);
      expect(verdict.isLinearizable).toBe(expected);
      for (const { operations: left, initial } of verdict.violations) {
        expect(isLinearizableByBruteForce(left, initial)).toBe(false);
      }
    }),
    { numRuns: runs, seed },
  );
  expect(Math.min(counts.linearizable, counts.not)).toBeGreaterThan(runs / 20);
});
