/** Who should lead, when several could: priorities, and nodes that are not fit. */

import { describe, expect, test } from "vitest";
import type { RaftCoreOptions } from "../../src/core/index.js";
import { Cluster } from "../support/cluster.js";
import { at, voteRequest, voteResponse } from "../support/messages.js";
import { PAPER, TestNode } from "../support/test-node.js";

function ranked(priorities: readonly number[], options: RaftCoreOptions = PAPER): Cluster {
  const voters = priorities.map((_, i) => i + 1);
  return new Cluster(
    voters.map((id, i) => ({ id, voters, options: { ...options, priority: priorities[i] ?? 0 } })),
  );
}

describe("election priority", () => {
  test("of equal logs, that of the higher priority is elected", () => {
    const cluster = ranked([1, 5, 5]);
    cluster.campaign(1);
    expect(cluster.leader()).toBeUndefined();
    cluster.campaign(2);
    expect(cluster.leader()?.id).toBe(2);
  });

  test("a longer log is elected whatever its priority", () => {
    const voter = new TestNode({ id: 1, term: 1, log: [1], options: { ...PAPER, priority: 9 } });
    const sent = voter.step(voteRequest({ from: 2, to: 1, term: 2, last: at(1, 2), priority: 0 }));
    expect(sent).toEqual([voteResponse({ from: 1, to: 2, term: 2, granted: true })]);
  });

  test("a node that cannot lead itself stands in nobody's way", () => {
    const voter = new TestNode({ id: 1, options: { ...PAPER, priority: 9 } });
    voter.core.setEligible(false);
    const sent = voter.step(voteRequest({ from: 2, to: 1, term: 1, priority: 0 }));
    expect(sent).toEqual([voteResponse({ from: 1, to: 2, term: 1, granted: true })]);
  });

  test("leadership can be transferred to any priority", () => {
    const cluster = ranked([9, 0, 0]);
    cluster.campaign(1);
    cluster.node(1).core.transferLeadership(2);
    cluster.settle();
    expect(cluster.leader()?.id).toBe(2);
  });

  test("a node that is not eligible never campaigns, until it is again (pitfall 14)", () => {
    const cluster = ranked([0, 0, 0]);
    cluster.node(1).core.setEligible(false);
    cluster.tick(1, 100);
    cluster.campaign(1);
    expect(cluster.node(1).core.status()).toMatchObject({ role: "follower", term: 0 });
    cluster.node(1).core.setEligible(true);
    cluster.campaign(1);
    expect(cluster.leader()?.id).toBe(1);
  });
});
