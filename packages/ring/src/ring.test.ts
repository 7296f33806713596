import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ids, nodes } from "../test/arbitrary-nodes.js";
import { planRangeMoves } from "./move-plan.js";
import { Ring } from "./ring.js";
import type { ResolvedNode } from "./ring-node.js";
import { TOKEN_SPACE, toToken } from "./token.js";

/** The part of the token space that each node owns, from 0 to 1. */
function sharesOf(ring: Ring): Map<string, number> {
  const shares = new Map(ring.nodes.map(({ id }) => [id, 0]));
  const points = [...ring.points()];
  let before = (points.at(-1)?.token ?? 0n) - TOKEN_SPACE;
  for (const { token, owner } of points) {
    const share = Number(token - before) / Number(TOKEN_SPACE);
    shares.set(owner, (shares.get(owner) ?? 0) + share);
    before = token;
  }
  return shares;
}

const tenNodes = fc
  .uniqueArray(ids, { minLength: 10, maxLength: 10 })
  .map((names) => names.map((id) => ({ id })));

describe("shares", () => {
  test("of ten equal nodes are at most 1.25 times the mean", () => {
    fc.assert(
      fc.property(tenNodes, (given) => {
        const shares = [...sharesOf(new Ring(given)).values()];
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
        expect(Math.max(...shares) * 10).toBeLessThanOrEqual(1.25);
      }),
      { numRuns: 30 },
    );
  });

  test("follow the weights", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), (weight) => {
        const ring = new Ring([{ id: "heavy", weight }, { id: "a" }, { id: "b" }]);
        const share = sharesOf(ring).get("heavy") ?? 0;
        expect(share / (weight / (weight + 2))).toBeGreaterThan(0.85);
        expect(share / (weight / (weight + 2))).toBeLessThan(1.15);
      }),
    );
  });
});

describe("a node that", () => {
  const some = fc.tuple(nodes({ minLength: 1 }), fc.integer({ min: 1, max: 8 }));

  test("joins takes from others and moves nothing between them", () => {
    fc.assert(
      fc.property(some, ([given, weight]) => {
        const before = new Ring(given, { virtualNodes: 20 });
        const after = before.withNode({ id: "the new one", weight });
        for (const move of planRangeMoves(before, after)) expect(move.to).toBe("the new one");
      }),
      { numRuns: 20 },
    );
  });

  test("leaves gives to others and moves nothing between them", () => {
    fc.assert(
      fc.property(some, ([given]) => {
        const before = new Ring(given, { virtualNodes: 20 });
        const leaving = before.nodes[0]?.id ?? "";
        for (const move of planRangeMoves(before, before.withoutNode(leaving))) {
          expect(move.from).toBe(leaving);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("gets another weight moves only what it gains or loses", () => {
    fc.assert(
      fc.property(some, ([given, weight]) => {
        const before = new Ring([...given, { id: "it", weight: 4 }], { virtualNodes: 20 });
        const after = before.withNode({ id: "it", weight });
        for (const { from, to } of planRangeMoves(before, after)) {
          expect(weight > 4 ? to : from).toBe("it");
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("a ring", () => {
  test("depends on its nodes and not on how they came", () => {
    fc.assert(
      fc.property(nodes({ minLength: 2 }), fc.array(fc.string()), (given, keys) => {
        const options = { virtualNodes: 20 };
        const together = new Ring(given, options);
        const oneByOne = given
          .toReversed()
          .reduce((ring, node) => ring.withNode(node), new Ring([{ id: "gone" }], options))
          .withoutNode("gone");
        expect([...oneByOne.points()]).toEqual([...together.points()]);
        for (const key of keys) expect(oneByOne.ownerOf(key)).toBe(together.ownerOf(key));
      }),
      { numRuns: 20 },
    );
  });

  test("finds the owner that a look at every point finds", () => {
    fc.assert(
      fc.property(nodes({ minLength: 1 }), fc.bigInt(0n, TOKEN_SPACE - 1n), (given, value) => {
        const ring = new Ring(given, { virtualNodes: 10 });
        const points = [...ring.points()];
        const around = points.flatMap(({ token }) => [token - 1n, token, token + 1n]);
        const tokens = [value, 0n, TOKEN_SPACE - 1n, ...around.slice(0, 60), ...around.slice(-6)];
        for (const token of tokens.filter((one) => one >= 0n && one < TOKEN_SPACE)) {
          const expected = (points.find((point) => point.token >= token) ?? points[0])?.owner;
          expect(ring.ownerOfToken(toToken(token))).toBe(expected);
        }
      }),
    );
  });

  test("keeps keys with the same tag together", () => {
    const ring = new Ring([{ id: "a" }, { id: "b" }, { id: "c" }]);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii" }), fc.string(), (tag, rest) => {
        fc.pre(tag !== "" && !tag.includes("}"));
        expect(ring.ownerOf(`{${tag}}${rest}`)).toBe(ring.ownerOf(`{${tag}}`));
      }),
    );
  });

  test("without nodes owns nothing", () => {
    expect(new Ring().ownerOf("a")).toBeUndefined();
    expect(new Ring().preferenceList("a", 3)).toEqual([]);
  });

  test("places these nodes here for ever", () => {
    const ring = new Ring([{ id: "n1" }, { id: "n2", weight: 2 }, { id: "n3", zone: "z" }]);
    const points = [...ring.points()];
    expect(points.length).toBe(2400);
    expect(points.slice(0, 3)).toMatchInlineSnapshot(`
      [
        {
          "owner": "n2",
          "token": 20060088644588582n,
        },
        {
          "owner": "n2",
          "token": 20640310057622707n,
        },
        {
          "owner": "n3",
          "token": 24261678704733972n,
        },
      ]
    `);
    const owners = ["", "a", "b", "c", "user:7", "schlüssel"].map((key) => ring.ownerOf(key));
    expect(owners).toMatchInlineSnapshot(`
      [
        "n3",
        "n1",
        "n3",
        "n3",
        "n1",
        "n2",
      ]
    `);
  });

  test("refuses nodes and options that make no sense", () => {
    expect(() => new Ring([{ id: "" }])).toThrow(RangeError);
    expect(() => new Ring([{ id: 7 as unknown as string }])).toThrow(TypeError);
    expect(() => new Ring([{ id: "a", zone: 7 as unknown as string }])).toThrow(TypeError);
    for (const weight of [0, -1, 1001, Number.NaN]) {
      expect(() => new Ring([{ id: "a", weight }])).toThrow(RangeError);
    }
    expect(() => new Ring([{ id: "a" }, { id: "a" }])).toThrow(/same id/);
    for (const virtualNodes of [0, 1.5, 10_001]) {
      expect(() => new Ring([], { virtualNodes })).toThrow(RangeError);
    }
    expect(() => new Ring([{ id: "a" }]).preferenceList("k", -1)).toThrow(RangeError);
  });
});

describe("a preference list", () => {
  test("begins with the owner, names nobody twice, and as many as there are", () => {
    fc.assert(
      fc.property(nodes({ minLength: 1 }), fc.string(), fc.nat(12), (given, key, count) => {
        const ring = new Ring(given, { virtualNodes: 10 });
        const list = ring.preferenceList(key, count);
        expect(list.length).toBe(Math.min(count, given.length));
        expect(new Set(list).size).toBe(list.length);
        if (count > 0) expect(list[0]).toBe(ring.ownerOf(key));
      }),
    );
  });

  test("gives no zone one more than another that still has a node to give", () => {
    fc.assert(
      fc.property(nodes({ minLength: 1 }), fc.string(), fc.nat(12), (given, key, count) => {
        const ring = new Ring(given, { virtualNodes: 10 });
        const list = new Set(ring.preferenceList(key, count));
        const zoneOf = ({ id, zone }: ResolvedNode) => zone ?? `alone ${id}`;
        const used = [...new Set(ring.nodes.map(zoneOf))].map((zone) => {
          const members = ring.nodes.filter((node) => zoneOf(node) === zone);
          const chosen = members.filter(({ id }) => list.has(id)).length;
          return { chosen, left: members.length - chosen };
        });
        const most = Math.max(...used.map(({ chosen }) => chosen));
        for (const { chosen, left } of used) {
          if (left > 0) expect(chosen).toBeGreaterThanOrEqual(most - 1);
        }
      }),
    );
  });
});
