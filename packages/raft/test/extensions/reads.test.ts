/** Linearizable reads by ReadIndex (Raft thesis §6.4), and lease reads. */

import { describe, expect, test } from "vitest";
import type { PeerMessage, RaftCoreOptions } from "../../src/core/index.js";
import { Cluster } from "../support/cluster.js";
import { appendResponse, heartbeatResponse, ofType } from "../support/messages.js";
import { PAPER, TestNode } from "../support/test-node.js";

const SAFE: RaftCoreOptions = {};

/** A leader of `size` voters that has committed in its term, without any network. */
function leaderOf(size: number, options: RaftCoreOptions = PAPER): TestNode {
  const voters = Array.from({ length: size }, (_, i) => i + 1);
  const node = new TestNode({ id: 1, voters, options });
  node.becomeLeader();
  for (const from of voters.slice(1)) node.step(appendResponse({ from, to: 1, term: 1, index: 1 }));
  return node;
}

function positions(sent: readonly PeerMessage[]): number[] {
  return ofType(sent, "heartbeat-request").map(({ readPosition }) => readPosition);
}

describe("reads", () => {
  test.each([1, 2, 3])("a read at node %i of three returns the commit index", (id) => {
    const cluster = Cluster.of(3, SAFE);
    cluster.campaign(1);
    cluster.propose(1, "x");
    cluster.node(id).core.readIndex(7);
    cluster.settle();
    expect(cluster.node(id).readStates).toEqual([{ context: 7, index: 2 }]);
    expect(cluster.node(id).core.status().appliedIndex).toBeGreaterThanOrEqual(2);
  });

  test("a learner may ask as well", () => {
    const cluster = new Cluster(
      [1, 2, 3].map((id) => ({ id, voters: [1, 2], learners: [3], options: SAFE })),
    );
    cluster.campaign(1);
    cluster.node(3).core.readIndex(1);
    cluster.settle();
    expect(cluster.node(3).readStates).toEqual([{ context: 1, index: 1 }]);
  });

  test("a single voter answers at once", () => {
    const node = new TestNode({ id: 1, voters: [1], options: SAFE });
    node.becomeLeader();
    node.core.readIndex(1);
    node.drain();
    expect(node.readStates).toEqual([{ context: 1, index: 1 }]);
  });

  test("a single voter that has restarted answers only after a commit of its own term", () => {
    const init = { id: 1, voters: [1], term: 1, log: [1, 1, 1], commit: 1, options: PAPER };
    const node = new TestNode(init);
    node.core.campaign();
    // Its vote is durable, its first entry not yet: entries 2 and 3 may have been acknowledged.
    for (const response of node.core.ready().append?.responses ?? []) {
      node.core.step(response);
    }
    expect(node.core.role).toBe("leader");
    node.core.readIndex(1);
    node.drain();
    expect(node.readStates).toEqual([{ context: 1, index: 4 }]);
  });

  test("a leader that is not the only voter asks it", () => {
    const node = new TestNode({ id: 1, voters: [1, 2], options: PAPER });
    node.becomeLeader();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    node.core.proposeConfigChange({
      transition: "auto",
      changes: [{ operation: "remove", node: 1 as never }],
    });
    node.drain();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    expect(node.core.status()).toMatchObject({ role: "leader", config: { voters: [2] } });
    node.core.readIndex(1);
    const [position = 0] = positions(node.drain());
    expect(node.readStates).toEqual([]);
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: position }));
    expect(node.readStates).toEqual([{ context: 1, index: 2 }]);
  });

  test("a read waits for a majority to confirm the leader", () => {
    const node = leaderOf(5);
    node.core.readIndex(1);
    const [position = 0] = positions(node.drain());
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: position }));
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: position }));
    expect(node.readStates).toEqual([]);
    node.step(heartbeatResponse({ from: 3, to: 1, term: 1, readPosition: position }));
    expect(node.readStates).toEqual([{ context: 1, index: 1 }]);
  });

  test("learners confirm nothing", () => {
    const node = new TestNode({ id: 1, voters: [1, 2, 3], learners: [4], options: PAPER });
    node.becomeLeader();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    node.core.readIndex(1);
    const [position = 0] = positions(node.drain());
    node.step(heartbeatResponse({ from: 4, to: 1, term: 1, readPosition: position }));
    expect(node.readStates).toEqual([]);
  });

  test("one confirmation releases all reads before it, and none after (pitfall 6)", () => {
    const node = leaderOf(3);
    node.core.readIndex(1);
    node.core.readIndex(2);
    const sent = positions(node.drain());
    const newest = Math.max(...sent);
    node.propose("x");
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    node.core.readIndex(3);
    node.drain();
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: newest }));
    expect(node.readStates).toEqual([
      { context: 1, index: 1 },
      { context: 2, index: 1 },
    ]);
  });

  test("an answer to an old heartbeat never confirms a repeated context (pitfall 6)", () => {
    const node = leaderOf(3);
    node.core.readIndex(1);
    const [first = 0] = positions(node.drain());
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: first }));
    expect(node.readStates).toHaveLength(1);
    // The same context again, and the answer of the other follower to the first heartbeat.
    node.core.readIndex(1);
    node.drain();
    node.step(heartbeatResponse({ from: 3, to: 1, term: 1, readPosition: first }));
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: first }));
    expect(node.readStates).toHaveLength(1);
  });

  test("a retried context is answered once per asking, each by its own confirmation", () => {
    const node = leaderOf(3);
    node.core.readIndex(5);
    node.core.readIndex(5);
    const sent = positions(node.drain());
    expect(new Set(sent).size).toBe(2);
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: Math.min(...sent) }));
    expect(node.readStates).toHaveLength(1);
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: Math.max(...sent) }));
    expect(node.readStates).toHaveLength(2);
  });

  test("an ordinary heartbeat asks for what is still unconfirmed", () => {
    const node = leaderOf(3);
    node.core.readIndex(1);
    const [position = 0] = positions(node.drain());
    expect(positions(node.tick())).toEqual([position, position]);
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: position }));
    expect(positions(node.tick())).toEqual([0, 0]);
  });

  test("a position that was never sent confirms nothing", () => {
    const node = leaderOf(3);
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: 9 }));
    node.core.readIndex(1);
    node.drain();
    expect(node.readStates).toEqual([]);
  });

  test("a new leader answers only after a commit of its own term (pitfall 6)", () => {
    const node = new TestNode({ id: 1, term: 1, log: [1], commit: 1, options: PAPER });
    node.becomeLeader();
    node.core.readIndex(1);
    expect(positions(node.drain())).toEqual([]);
    expect(node.core.status().pendingReads).toBe(1);
    const sent = node.step(appendResponse({ from: 2, to: 1, term: 2, index: 2 }));
    const [position = 0] = positions(sent);
    node.step(heartbeatResponse({ from: 2, to: 1, term: 2, readPosition: position }));
    expect(node.readStates).toEqual([{ context: 1, index: 2 }]);
  });

  test("a leader that is cut off from its quorum answers nothing", () => {
    const cluster = Cluster.of(3, PAPER);
    cluster.campaign(1);
    cluster.isolate(1);
    cluster.campaign(2);
    cluster.propose(2, "newer");
    cluster.node(1).core.readIndex(1);
    cluster.settle();
    cluster.tick(1, 5);
    expect(cluster.node(1).readStates).toEqual([]);
    cluster.heal();
    cluster.tickAll(2);
    expect(cluster.node(1).readStates).toEqual([]);
  });

  test("reads that wait are dropped with the leadership", () => {
    const node = leaderOf(3);
    node.core.readIndex(1);
    const [position = 0] = positions(node.drain());
    node.step(appendResponse({ from: 2, to: 1, term: 5, index: 0 }));
    node.becomeLeader();
    node.step(heartbeatResponse({ from: 2, to: 1, term: 6, readPosition: position }));
    expect(node.readStates).toEqual([]);
    expect(node.core.status().pendingReads).toBe(0);
  });

  test("without a leader a read is refused", () => {
    const node = new TestNode({ id: 1, options: SAFE });
    expect(() => node.core.readIndex(1)).toThrow(
      expect.objectContaining({ code: "RAFT_NO_LEADER" }),
    );
    node.core.campaign();
    node.drain();
    expect(() => node.core.readIndex(1)).toThrow(
      expect.objectContaining({ code: "RAFT_NO_LEADER" }),
    );
  });

  test("waiting reads are bounded", () => {
    const node = leaderOf(3, { ...PAPER, maxPendingReads: 2 });
    node.core.readIndex(1);
    node.core.readIndex(2);
    expect(() => node.core.readIndex(3)).toThrow(
      expect.objectContaining({ code: "RAFT_READ_BACKLOG_FULL" }),
    );
    const [position = 0] = positions(node.drain()).slice(-1);
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1, readPosition: position }));
    node.core.readIndex(3);
  });

  test("shrinking to one voter confirms what waits", () => {
    const node = new TestNode({ id: 1, voters: [1, 2], options: PAPER });
    node.becomeLeader();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    node.core.proposeConfigChange({
      transition: "auto",
      changes: [{ operation: "remove", node: 2 as never }],
    });
    node.core.readIndex(1);
    node.drain();
    expect(node.readStates).toEqual([]);
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    expect(node.readStates).toEqual([{ context: 1, index: 1 }]);
  });
});

describe("lease reads", () => {
  const LEASE: RaftCoreOptions = {
    ...PAPER,
    checkQuorum: true,
    readMode: "lease",
    electionTicks: 10,
  };

  test("a leader answers at once", () => {
    const node = leaderOf(3, LEASE);
    node.core.readIndex(1);
    expect(positions(node.drain())).toEqual([]);
    expect(node.readStates).toEqual([{ context: 1, index: 1 }]);
  });

  test("but not before a commit of its own term", () => {
    const node = new TestNode({ id: 1, options: LEASE });
    node.becomeLeader();
    node.core.readIndex(1);
    node.drain();
    expect(node.readStates).toEqual([]);
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    expect(node.readStates).toEqual([{ context: 1, index: 1 }]);
  });

  test("they need the check of the quorum", () => {
    expect(() => new TestNode({ id: 1, options: { ...PAPER, readMode: "lease" } })).toThrow(
      RangeError,
    );
  });
});
