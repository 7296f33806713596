import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nodes } from "../test/arbitrary-nodes.js";
import { planRangeMoves, planReplicaMoves } from "./move-plan.js";
import { Ring } from "./ring.js";
import { TOKEN_SPACE, toToken } from "./token.js";

const rings = nodes({ minLength: 0, maxLength: 5 }).map(
  (given) => new Ring(given, { virtualNodes: 3 }),
);

describe("a plan of ranges", () => {
  test("says of any token whether and where it moves", () => {
    fc.assert(
      fc.property(rings, rings, fc.bigInt(0n, TOKEN_SPACE - 1n), (from, to, value) => {
        const plan = planRangeMoves(from, to);
        const points = [...from.points(), ...to.points()].flatMap(({ token }) => [
          token,
          token + 1n,
        ]);
        for (const one of [value, 0n, TOKEN_SPACE - 1n, ...points]) {
          if (one >= TOKEN_SPACE) continue;
          const token = toToken(one);
          const owners = { from: from.ownerOfToken(token), to: to.ownerOfToken(token) };
          const move = plan.find(({ start, end }) => start <= token && token < end);
          if (owners.from === owners.to) expect(move).toBeUndefined();
          else expect(move).toMatchObject(owners);
        }
      }),
    );
  });

  test("names ranges in order, none empty, and neighbours of one move only once", () => {
    fc.assert(
      fc.property(rings, rings, (from, to) => {
        const plan = planRangeMoves(from, to);
        for (const [at, move] of plan.entries()) {
          expect(move.start).toBeLessThan(move.end);
          const next = plan[at + 1];
          if (next === undefined) continue;
          expect(move.end).toBeLessThanOrEqual(next.start);
          const isOne = move.end === next.start && move.from === next.from && move.to === next.to;
          expect(isOne).toBe(false);
        }
      }),
    );
  });
});

describe("a plan of replicas", () => {
  test("pairs each replica to make with one that it makes superfluous", () => {
    const from = [["a", "b", "c"], ["a", "b"], ["a"], ["a", "b"]];
    const to = [["c", "d", "a"], ["a", "b"], ["b", "c"], ["b"]];
    expect(planReplicaMoves(from, to)).toEqual([
      { shard: 0, to: "d", from: "b" },
      { shard: 2, to: "b", from: "a" },
      { shard: 2, to: "c", from: undefined },
      { shard: 3, to: undefined, from: "a" },
    ]);
  });

  test("is refused between different numbers of shards", () => {
    expect(() => planReplicaMoves([["a"]], [])).toThrow(/1 shards cannot become 0/);
  });
});
