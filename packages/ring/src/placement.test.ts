import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nodes } from "../test/arbitrary-nodes.js";
import { planReplicaMoves } from "./move-plan.js";
import { type Placement, placeShards } from "./placement.js";
import { Ring } from "./ring.js";
import type { ResolvedNode, RingNode } from "./ring-node.js";

const OPTIONS = { virtualNodes: 10 };
const sizes = fc.record({
  shards: fc.integer({ min: 1, max: 32 }),
  replicas: fc.integer({ min: 1, max: 5 }),
});

function named(count: number, more: (at: number) => Partial<RingNode> = () => ({})): RingNode[] {
  return Array.from({ length: count }, (_, at) => ({ id: `n${at}`, ...more(at) }));
}

function loadsOf(placement: Placement, ring: Ring): number[] {
  return ring.nodes.map(({ id }) => placement.filter((replicas) => replicas.includes(id)).length);
}

function moved(from: Placement, to: Placement): number {
  return planReplicaMoves(from, to).length;
}

const zoneOf = ({ id, zone }: ResolvedNode): string => zone ?? `alone ${id}`;

/** No zone has two more replicas than one that still has a node to give. */
function expectEvenZones(placement: Placement, ring: Ring): void {
  for (const replicas of placement) {
    const used = [...new Set(ring.nodes.map(zoneOf))].map((zone) => {
      const members = ring.nodes.filter((node) => zoneOf(node) === zone);
      const chosen = members.filter(({ id }) => replicas.includes(id)).length;
      return { chosen, left: members.length - chosen };
    });
    const most = Math.max(...used.map(({ chosen }) => chosen));
    for (const { chosen, left } of used) {
      if (left > 0) expect(chosen).toBeGreaterThanOrEqual(most - 1);
    }
  }
}

describe("a placement", () => {
  test("gives each shard as many different nodes as it can, zones evenly used", () => {
    fc.assert(
      fc.property(nodes({ minLength: 1 }), sizes, (given, { shards, replicas }) => {
        const ring = new Ring(given, OPTIONS);
        const placement = placeShards(ring, { shards, replicas });
        expect(placement.length).toBe(shards);
        for (const ids of placement) {
          expect(ids.length).toBe(Math.min(replicas, given.length));
          expect(new Set(ids).size).toBe(ids.length);
        }
        expectEvenZones(placement, ring);
      }),
    );
  });

  test("keeps loads within the factor, where zones leave a choice", () => {
    const counts = fc.integer({ min: 3, max: 12 });
    const factors = fc.constantFrom(1, 1.05, 1.1, 1.5);
    fc.assert(
      fc.property(counts, sizes, factors, (count, { shards, replicas }, loadFactor) => {
        const ring = new Ring(named(count), OPTIONS);
        const placement = placeShards(ring, { shards, replicas, loadFactor });
        const share = (shards * Math.min(replicas, count)) / count;
        for (const load of loadsOf(placement, ring)) {
          expect(load).toBeLessThanOrEqual(Math.ceil(share * loadFactor - 1e-9));
          expect(load).toBeGreaterThanOrEqual(Math.floor(share / loadFactor + 1e-9));
        }
      }),
    );
  });

  test("of 1,000 shards on 10 nodes in 5 zones gives none more than 1.1 times the mean", () => {
    const ring = new Ring(named(10, (at) => ({ zone: `z${at % 5}` })));
    const placement = placeShards(ring, { shards: 1000, replicas: 3 });
    expectEvenZones(placement, ring);
    for (const load of loadsOf(placement, ring)) expect(load).toBeLessThanOrEqual(330);
  });

  test("follows weights, as far as a node can have each shard once", () => {
    const ring = new Ring([{ id: "big", weight: 8 }, ...named(4)]);
    const placement = placeShards(ring, { shards: 100, replicas: 3, loadFactor: 1 });
    const loads = loadsOf(placement, ring);
    expect(loads[0]).toBe(100);
    expect(loads.slice(1)).toEqual([50, 50, 50, 50]);
  });

  test("lets each node lead its share", () => {
    const counts = fc.integer({ min: 1, max: 10 });
    fc.assert(
      fc.property(counts, sizes, (count, { shards, replicas }) => {
        const ring = new Ring(named(count), OPTIONS);
        const placement = placeShards(ring, { shards, replicas: Math.max(2, replicas) });
        const led = ring.nodes.map(({ id }) => placement.filter(([first]) => first === id).length);
        expect(Math.max(...led)).toBeLessThanOrEqual(Math.ceil(shards / count) + 1);
      }),
    );
  });

  test("is the same for the same nodes, however they came", () => {
    fc.assert(
      fc.property(nodes({ minLength: 2 }), sizes, (given, size) => {
        const one = placeShards(new Ring(given, OPTIONS), size);
        expect(placeShards(new Ring(given.toReversed(), OPTIONS), size)).toEqual(one);
      }),
      { numRuns: 30 },
    );
  });

  test("is refused for numbers that make no sense", () => {
    const ring = new Ring(named(3));
    expect(() => placeShards(new Ring(), { shards: 1, replicas: 1 })).toThrow(/without nodes/);
    for (const wrong of [{ shards: 0 }, { replicas: 0 }, { replicas: 1.5 }, { loadFactor: 0.9 }]) {
      expect(() => placeShards(ring, { shards: 4, replicas: 3, ...wrong })).toThrow(RangeError);
    }
    expect(() => placeShards(ring, { shards: 4, replicas: 3, previous: [] })).toThrow(/0 shards/);
  });
});

describe("a placement after another", () => {
  const shards = 128;
  const replicas = 3;

  test("leaves everything where it is when nothing has changed", () => {
    fc.assert(
      fc.property(nodes({ minLength: 1 }), sizes, (given, size) => {
        const ring = new Ring(given, OPTIONS);
        const previous = placeShards(ring, size);
        expect(placeShards(ring, { ...size, previous })).toEqual(previous);
      }),
    );
  });

  test("gives a node that joins about its share, and moves nothing else", () => {
    const before = new Ring(named(9), OPTIONS);
    const previous = placeShards(before, { shards, replicas });
    const after = before.withNode({ id: "joins" });
    const placement = placeShards(after, { shards, replicas, previous });
    const share = (shards * replicas) / 10;
    const load = placement.filter((ids) => ids.includes("joins")).length;
    expect(load).toBeGreaterThanOrEqual(Math.floor(share / 1.1));
    expect(moved(previous, placement)).toBe(load);
  });

  test("moves only what a node that left had", () => {
    const before = new Ring(named(10), OPTIONS);
    const previous = placeShards(before, { shards, replicas });
    const placement = placeShards(before.withoutNode("n3"), { shards, replicas, previous });
    const had = previous.filter((ids) => ids.includes("n3")).length;
    // A move more here and there keeps the rest within their share.
    expect(moved(previous, placement)).toBeLessThanOrEqual(had + 4);
  });

  test("moves to a heavier node only what it gains", () => {
    const before = new Ring(named(8), OPTIONS);
    const previous = placeShards(before, { shards, replicas });
    const after = before.withNode({ id: "n2", weight: 2 });
    const placement = placeShards(after, { shards, replicas, previous });
    for (const move of planReplicaMoves(previous, placement)) expect(move.to).toBe("n2");
  });

  test("stays within the rules through any history of nodes", () => {
    const histories = fc.array(nodes({ minLength: 1, maxLength: 8 }), { maxLength: 4 });
    fc.assert(
      fc.property(histories, sizes, (history, size) => {
        let previous: Placement | undefined;
        for (const given of history) {
          const ring = new Ring(given, OPTIONS);
          previous = placeShards(ring, { ...size, previous });
          for (const ids of previous) {
            expect(new Set(ids).size).toBe(Math.min(size.replicas, given.length));
            for (const id of ids) expect(ring.node(id)).toBeDefined();
          }
          expectEvenZones(previous, ring);
        }
      }),
    );
  });
});
