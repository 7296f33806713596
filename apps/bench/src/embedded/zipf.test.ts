import { expect, test } from "vitest";
import { coprimeTo, Zipf } from "./zipf.js";

test("the most popular number is drawn as often as Zipf's law says, and all lie in range", () => {
  const count = 1000;
  const zipf = new Zipf(count, 11);
  const draws = new Map<number, number>();
  const total = 200_000;
  for (let draw = 0; draw < total; draw += 1) {
    const number = zipf.next();
    draws.set(number, (draws.get(number) ?? 0) + 1);
  }
  expect(Math.min(...draws.keys())).toBeGreaterThanOrEqual(0);
  expect(Math.max(...draws.keys())).toBeLessThan(count);
  let zeta = 0;
  for (let rank = 1; rank <= count; rank += 1) zeta += rank ** -0.99;
  const [first, second] = [...draws.values()].sort((a, b) => b - a);
  expect((first ?? 0) / total).toBeCloseTo(1 / zeta, 2);
  expect((second ?? 0) / total).toBeCloseTo(2 ** -0.99 / zeta, 2);
});

test("a coprime stride visits every number once", () => {
  for (const count of [1, 2, 10, 97, 1000, 30_000]) {
    const stride = coprimeTo(count);
    const visited = new Set(Array.from({ length: count }, (_, index) => (index * stride) % count));
    expect(visited.size).toBe(count);
  }
});
