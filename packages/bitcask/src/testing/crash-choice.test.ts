import { expect, test } from "vitest";
import { type CrashDecision, crashChoices, crashCount } from "./crash-choice.js";
import { SeededRandom } from "./seeded-random.js";

function decisions(...options: number[]): CrashDecision[] {
  return options.map((count, index) => ({ label: `decision ${index}`, options: count }));
}

test("with nothing unsynced there is one crash", () => {
  expect([...crashChoices([], new SeededRandom(1))]).toEqual([[]]);
});

test("few decisions are tried in every combination, each once", () => {
  const choices = [...crashChoices(decisions(2, 3, 2), new SeededRandom(1))];

  expect(choices).toHaveLength(12);
  expect(crashCount(decisions(2, 3, 2))).toBe(12);
  expect(new Set(choices.map(String)).size).toBe(12);
  for (const [first = 9, second = 9, third = 9] of choices) {
    expect(first < 2 && second < 3 && third < 2).toBe(true);
  }
});

test("many decisions are tried at the extremes and at random within their options", () => {
  const many = decisions(...Array.from({ length: 20 }, () => 3));
  const choices = [...crashChoices(many, new SeededRandom(1), { samples: 10, extremes: 60 })];

  const found = new Set(choices.map(String));
  expect(choices).toHaveLength(72);
  expect(found.has(many.map(() => 0).join())).toBe(true);
  expect(found.has(many.map(() => 2).join())).toBe(true);
  expect(found.has(many.map((_, index) => (index === 7 ? 0 : 2)).join())).toBe(true);
  expect(found.has(many.map((_, index) => (index === 7 ? 2 : 0)).join())).toBe(true);
  expect(found.has(many.map((_, index) => (index <= 7 ? 2 : 0)).join())).toBe(true);
  expect(choices.flat().every((answer) => answer >= 0 && answer < 3)).toBe(true);
});

test("the same seed gives the same choices", () => {
  const many = decisions(...Array.from({ length: 30 }, () => 2));
  const draw = (seed: number): string => [...crashChoices(many, new SeededRandom(seed))].join(";");
  expect(draw(5)).toBe(draw(5));
  expect(draw(5)).not.toBe(draw(6));
});
