/** A leader that loses its quorum steps down; followers that hear it ignore campaigns. */

import { describe, expect, test } from "vitest";
import type { RaftCoreOptions } from "../../src/core/index.js";
import { Cluster } from "../support/cluster.js";
import { appendResponse, heartbeatResponse, voteRequest } from "../support/messages.js";
import { PAPER, TestNode } from "../support/test-node.js";

const TICKS = 10;
const CHECKED: RaftCoreOptions = { ...PAPER, checkQuorum: true, electionTicks: TICKS };

describe("check of the quorum", () => {
  test("a leader that hears from a majority stays", () => {
    const node = new TestNode({ id: 1, options: CHECKED });
    node.becomeLeader();
    for (let i = 0; i < 5; i += 1) {
      node.step(heartbeatResponse({ from: 2, to: 1, term: 1 }));
      node.tick(TICKS);
    }
    expect(node.core.status().role).toBe("leader");
  });

  test("a leader that hears from nobody for an election timeout steps down in its term", () => {
    const node = new TestNode({ id: 1, options: CHECKED });
    node.becomeLeader();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    node.tick(TICKS);
    expect(node.core.status().role).toBe("leader");
    node.tick(TICKS);
    expect(node.core.status()).toMatchObject({ role: "follower", term: 1, vote: 1 });
    expect(node.core.status().leader).toBeUndefined();
  });

  test("a single voter is its own majority", () => {
    const node = new TestNode({ id: 1, voters: [1], options: CHECKED });
    node.becomeLeader();
    node.tick(5 * TICKS);
    expect(node.core.status().role).toBe("leader");
  });

  test("learners do not count", () => {
    const node = new TestNode({ id: 1, voters: [1, 2, 3], learners: [4, 5], options: CHECKED });
    node.becomeLeader();
    for (let i = 0; i < 2; i += 1) {
      for (const from of [4, 5]) node.step(heartbeatResponse({ from, to: 1, term: 1 }));
      node.tick(TICKS);
    }
    expect(node.core.status().role).toBe("follower");
  });

  test("without it, a leader that hears from nobody stays for ever", () => {
    const node = new TestNode({ id: 1, options: { ...PAPER, electionTicks: TICKS } });
    node.becomeLeader();
    node.tick(10 * TICKS);
    expect(node.core.status().role).toBe("leader");
  });

  test("a follower that heard its leader lately ignores campaigns, and keeps its term", () => {
    const cluster = Cluster.of(3, CHECKED);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.tick(3, 2 * TICKS);
    cluster.heal();
    const { term } = cluster.node(3).core.status();
    cluster.settle(voteRequest({ from: 3, to: 2, term }));
    expect(cluster.node(2).core.status()).toMatchObject({ term: 1, leader: 1 });
  });

  test("once the timeout is over, the follower votes", () => {
    const cluster = Cluster.of(3, CHECKED);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.node(2).core.setElectionTimeout(TICKS + 5);
    cluster.tick(2, TICKS);
    cluster.campaign(3);
    expect(cluster.leader()?.id).toBe(3);
  });

  test("a stuck candidate of a later term gets back in: its leader learns of the term", () => {
    const cluster = Cluster.of(3, CHECKED);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.campaign(3);
    cluster.heal();
    cluster.tick(1);
    const status = cluster.node(1).core.status();
    expect(status).toMatchObject({ role: "follower", term: 2 });
    // Nobody is under a leader's lease any more, so an election can be won.
    cluster.node(2).core.setElectionTimeout(TICKS);
    cluster.tick(2, TICKS);
    expect(cluster.leader()?.id).toBe(2);
    expect(cluster.node(3).core.status()).toMatchObject({ role: "follower", leader: 2 });
  });

  test("a member outside the configuration cannot disturb one that is led (pitfall 10)", () => {
    const cluster = Cluster.of(3, CHECKED);
    cluster.campaign(1);
    cluster.settle(
      voteRequest({ from: 9, to: 1, term: 50 }),
      voteRequest({ from: 9, to: 2, term: 50 }),
    );
    expect(cluster.leader()?.core.status()).toMatchObject({ id: 1, term: 1 });
  });

  test("a follower that forgets its leader votes at once, in the same term", () => {
    const cluster = Cluster.of(3, CHECKED);
    cluster.campaign(1);
    for (const id of [2, 3]) cluster.node(id).core.forgetLeader();
    expect(cluster.node(2).core.status()).toMatchObject({ term: 1 });
    expect(cluster.node(2).core.status().leader).toBeUndefined();
    cluster.isolate(1);
    cluster.campaign(3);
    expect(cluster.leader()?.id).toBe(3);
  });

  test("with lease reads a leader cannot be forgotten, as leases rest on it (pitfall 7)", () => {
    const cluster = Cluster.of(3, { ...CHECKED, readMode: "lease" });
    cluster.campaign(1);
    expect(() => cluster.node(2).core.forgetLeader()).toThrow(
      expect.objectContaining({ code: "RAFT_LEASE_READS", outcome: "not-applied" }),
    );
    expect(cluster.node(2).core.status().leader).toBe(1);
  });
});
