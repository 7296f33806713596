import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type NodeId, toNodeId } from "./ids.js";
import {
  jointAcked,
  jointVote,
  majorityAcked,
  majorityOf,
  majorityVote,
  voterIds,
} from "./quorum.js";

const voterSet = fc
  .uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 7 })
  .map((ids) => new Set(ids.map(toNodeId)));
const acks = fc.dictionary(
  fc.constantFrom("1", "2", "3", "4", "5", "6", "7", "8", "9"),
  fc.integer({ min: 1, max: 20 }),
);
const votes = fc.dictionary(
  fc.constantFrom("1", "2", "3", "4", "5", "6", "7", "8", "9"),
  fc.boolean(),
);

/** By definition: the largest index that enough voters have reached. */
function slowAcked(voters: ReadonlySet<NodeId>, acked: (id: NodeId) => number | undefined): number {
  if (voters.size === 0) return Number.POSITIVE_INFINITY;
  for (let index = 20; index > 0; index -= 1) {
    const reached = [...voters].filter((id) => (acked(id) ?? 0) >= index).length;
    if (reached >= majorityOf(voters.size)) return index;
  }
  return 0;
}

describe("a majority", () => {
  test("has acknowledged what the slow, obvious count says", () => {
    fc.assert(
      fc.property(voterSet, acks, (voters, given) => {
        const acked = (id: NodeId): number | undefined => given[String(id)];
        expect(majorityAcked(voters, acked)).toBe(slowAcked(voters, acked));
      }),
      { numRuns: 2000 },
    );
  });

  test("of both halves decides, in whatever order they come", () => {
    fc.assert(
      fc.property(voterSet, voterSet, acks, votes, (a, b, given, cast) => {
        const acked = (id: NodeId): number | undefined => given[String(id)];
        const vote = (id: NodeId): boolean | undefined => cast[String(id)];
        const joint = { incoming: a, outgoing: b };
        const swapped = { incoming: b, outgoing: a };
        expect(jointAcked(joint, acked)).toBe(Math.min(slowAcked(a, acked), slowAcked(b, acked)));
        expect(jointAcked(swapped, acked)).toBe(jointAcked(joint, acked));
        expect(jointVote(swapped, vote)).toBe(jointVote(joint, vote));
        expect(jointVote({ incoming: a, outgoing: a }, vote)).toBe(majorityVote(a, vote));
      }),
      { numRuns: 2000 },
    );
  });

  test("never has two winners: who loses one half cannot win", () => {
    fc.assert(
      fc.property(voterSet, votes, (voters, cast) => {
        fc.pre(voters.size > 0);
        const vote = (id: NodeId): boolean | undefined => cast[String(id)];
        const against = (id: NodeId): boolean | undefined => {
          const given = vote(id);
          return given === undefined ? undefined : !given;
        };
        const both = [majorityVote(voters, vote), majorityVote(voters, against)];
        expect(both.filter((result) => result === "won").length).toBeLessThan(2);
      }),
    );
  });

  test("lists the voters of both halves once, in order", () => {
    const set = (...ids: number[]): Set<NodeId> => new Set(ids.map(toNodeId));
    expect(voterIds({ incoming: set(3, 1), outgoing: set(2, 3) })).toEqual([1, 2, 3]);
  });
});
