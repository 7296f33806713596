import { expect, test } from "vitest";
import { SeededRandom, seedFrom } from "./seeded-random.js";

function draw(random: SeededRandom): number[] {
  return Array.from({ length: 20 }, () => random.nextInt(2 ** 32));
}

test("a seed replays its sequence; another seed gives another", () => {
  expect(draw(new SeededRandom(42))).toEqual(draw(new SeededRandom(42)));
  expect(draw(new SeededRandom(42))).not.toEqual(draw(new SeededRandom(43)));
});

test("what a fork draws does not change what its parent draws next", () => {
  const [quiet, busy] = [new SeededRandom(1), new SeededRandom(1)];
  quiet.fork();
  draw(busy.fork());
  expect(draw(quiet)).toEqual(draw(busy));
});

test("TITAN_SEED decides when it is set, and must be an integer", () => {
  expect(seedFrom({}, 7)).toBe(7);
  expect(seedFrom({ TITAN_SEED: "12" }, 7)).toBe(12);
  expect(() => seedFrom({ TITAN_SEED: "twelve" }, 7)).toThrow(RangeError);
});
