/** Pre-vote (Raft thesis §9.6): a node that was cut off does not disturb the others on return. */

import { describe, expect, test } from "vitest";
import type { RaftCoreOptions } from "../../src/core/index.js";
import { Cluster } from "../support/cluster.js";
import { at, heartbeat, ofType, voteRequest, voteResponse } from "../support/messages.js";
import { PAPER, TestNode } from "../support/test-node.js";

const PRE_VOTE: RaftCoreOptions = { ...PAPER, preVote: true };

describe("pre-vote", () => {
  test("asking changes neither term nor vote", () => {
    const node = new TestNode({ id: 1, term: 3, vote: 2, options: PRE_VOTE });
    node.core.campaign();
    const sent = ofType(node.drain(), "pre-vote-request");
    expect(sent.map(({ to, term }) => ({ to, term }))).toEqual([
      { to: 2, term: 4 },
      { to: 3, term: 4 },
    ]);
    expect(node.core.status()).toMatchObject({ role: "pre-candidate", term: 3, vote: 2 });
  });

  test("granting changes neither term nor vote, and may be done for several (pitfall 1)", () => {
    const node = new TestNode({ id: 1, term: 3, vote: 2, options: PRE_VOTE });
    for (const from of [2, 3]) {
      const sent = node.step(voteRequest({ from, to: 1, term: 4, isPreVote: true }));
      expect(sent).toEqual([
        voteResponse({ from: 1, to: from, term: 4, granted: true, isPreVote: true }),
      ]);
    }
    expect(node.core.status()).toMatchObject({ role: "follower", term: 3, vote: 2 });
  });

  test("a pre-candidate without support stays in its term however often it tries", () => {
    const cluster = Cluster.of(3, PRE_VOTE);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.tick(3, 200);
    expect(cluster.node(3).core.status()).toMatchObject({ term: 1, role: "pre-candidate" });
  });

  test("a node that returns with an old log is refused and its leader stays (pitfall 10)", () => {
    const cluster = Cluster.of(3, PRE_VOTE);
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.propose(1, "x");
    cluster.heal();
    cluster.campaign(3);
    expect(cluster.leader()?.id).toBe(1);
    expect(cluster.node(1).core.status().term).toBe(1);
  });

  test("a node with a good log is elected after two rounds", () => {
    const cluster = Cluster.of(3, PRE_VOTE);
    cluster.campaign(1);
    cluster.campaign(2);
    expect(cluster.leader()?.id).toBe(2);
    expect(cluster.node(2).core.status().term).toBe(2);
  });

  test("a refusal from a later term brings the asker up to it", () => {
    const node = new TestNode({ id: 1, term: 3, options: PRE_VOTE });
    node.core.campaign();
    node.drain();
    node.step(voteResponse({ from: 2, to: 1, term: 9, granted: false, isPreVote: true }));
    expect(node.core.status()).toMatchObject({ role: "follower", term: 9 });
  });

  test("a lost pre-vote makes a follower of the same term", () => {
    const node = new TestNode({ id: 1, term: 3, options: PRE_VOTE });
    node.core.campaign();
    node.drain();
    for (const from of [2, 3]) {
      node.step(voteResponse({ from, to: 1, term: 3, granted: false, isPreVote: true }));
    }
    expect(node.core.status()).toMatchObject({ role: "follower", term: 3 });
  });

  test("a late grant of a pre-vote counts for nothing in the vote itself", () => {
    const node = new TestNode({ id: 1, voters: [1, 2, 3, 4, 5], options: PRE_VOTE });
    node.core.campaign();
    node.drain();
    for (const from of [2, 3]) {
      node.step(voteResponse({ from, to: 1, term: 1, granted: true, isPreVote: true }));
    }
    expect(node.core.status()).toMatchObject({ role: "candidate", term: 1 });
    for (const from of [4, 5]) {
      node.step(voteResponse({ from, to: 1, term: 1, granted: true, isPreVote: true }));
    }
    expect(node.core.status().role).toBe("candidate");
  });

  test("a question about an earlier term is answered, so that nobody waits for ever", () => {
    const node = new TestNode({ id: 1, term: 5, options: PRE_VOTE });
    const sent = node.step(voteRequest({ from: 2, to: 1, term: 3, isPreVote: true }));
    expect(sent).toEqual([
      voteResponse({ from: 1, to: 2, term: 5, granted: false, isPreVote: true }),
    ]);
  });

  test("a leader of an earlier term is told of the later one and steps down", () => {
    const cluster = Cluster.of(3, PRE_VOTE);
    cluster.campaign(1);
    const lost = cluster.node(3);
    lost.step(heartbeat({ from: 2, to: 3, term: 7 }));
    cluster.tick(1);
    expect(cluster.node(1).core.status().term).toBe(7);
    cluster.campaign(1);
    expect(cluster.leader()?.id).toBe(1);
  });

  test("voters with and without pre-vote elect a leader together", () => {
    const voters = [1, 2, 3];
    const cluster = new Cluster([
      { id: 1, voters, options: PRE_VOTE },
      { id: 2, voters, options: PAPER },
      { id: 3, voters, options: PAPER },
    ]);
    cluster.campaign(2);
    expect(cluster.leader()?.id).toBe(2);
    cluster.isolate(2);
    cluster.campaign(1);
    expect(cluster.leader()?.id).toBe(1);
    cluster.heal();
    cluster.tick(1);
    expect(cluster.node(2).core.status()).toMatchObject({ role: "follower", leader: 1 });
  });

  test("the answer is held back until the log it speaks for is stored", () => {
    const node = new TestNode({ id: 1, log: [1], term: 1, options: PRE_VOTE });
    node.core.step(voteRequest({ from: 2, to: 1, term: 2, last: at(1, 1), isPreVote: true }));
    const ready = node.core.ready();
    expect(ready.messages).toEqual([]);
    expect(ready.append?.responses).toHaveLength(1);
  });
});
