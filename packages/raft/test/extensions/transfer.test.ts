/** Leadership transfer (Raft thesis §3.10). */

import { describe, expect, test } from "vitest";
import type { PeerMessage, RaftCoreOptions } from "../../src/core/index.js";
import { Cluster } from "../support/cluster.js";
import { ofType, timeoutNow } from "../support/messages.js";
import { PAPER, TestNode } from "../support/test-node.js";

const TICKS = 10;
const SAFE: RaftCoreOptions = { electionTicks: TICKS };

function led(options: RaftCoreOptions = SAFE): Cluster {
  const cluster = Cluster.of(3, options);
  cluster.campaign(1);
  return cluster;
}

function transfer(cluster: Cluster, to: number, from = 1): void {
  cluster.node(from).core.transferLeadership(to);
  cluster.settle();
}

/** Begins a transfer from node 1. @returns what that sends */
function handOver(cluster: Cluster, to: number): PeerMessage[] {
  cluster.node(1).core.transferLeadership(to);
  return cluster.node(1).drain();
}

describe("leadership transfer", () => {
  test.each([
    { name: "the paper's settings", options: PAPER },
    { name: "pre-vote and check of the quorum", options: SAFE },
  ])("with $name, a member that is up to date takes over at once", ({ options }) => {
    const cluster = led(options);
    transfer(cluster, 2);
    expect(cluster.leader()?.id).toBe(2);
    expect(cluster.node(1).core.status()).toMatchObject({ role: "follower", leader: 2, term: 2 });
    transfer(cluster, 1, 2);
    expect(cluster.leader()?.id).toBe(1);
  });

  test("a member that lags is brought up to date first", () => {
    const cluster = led();
    cluster.isolate(3);
    cluster.propose(1, "x");
    cluster.heal();
    const [first] = ofType(handOver(cluster, 3), "append-request");
    expect(first?.to).toBe(3);
    cluster.settle(...(first === undefined ? [] : [first]));
    expect(cluster.leader()?.id).toBe(3);
    expect(cluster.node(3).appliedTexts()).toEqual(["x"]);
  });

  test("a member that needs a snapshot first takes over after it", () => {
    const cluster = led();
    cluster.isolate(3);
    cluster.propose(1, "x");
    cluster.node(1).compact();
    cluster.heal();
    transfer(cluster, 3);
    cluster.tick(1);
    cluster.tick(1);
    expect(cluster.node(3).restored).toHaveLength(1);
    expect(cluster.leader()?.id).toBe(3);
  });

  test("a follower passes the wish on to the leader", () => {
    const cluster = led();
    transfer(cluster, 3, 2);
    expect(cluster.leader()?.id).toBe(3);
  });

  test("a node that knows no leader refuses", () => {
    const node = new TestNode({ id: 1, options: SAFE });
    expect(() => node.core.transferLeadership(2)).toThrow(
      expect.objectContaining({ code: "RAFT_NO_LEADER" }),
    );
  });

  test.each([
    { what: "itself", to: 1 },
    { what: "a stranger", to: 9 },
  ])("a transfer to $what is ignored", ({ to }) => {
    const cluster = led();
    transfer(cluster, to);
    expect(cluster.leader()?.id).toBe(1);
    expect(cluster.node(1).core.status().transferee).toBeUndefined();
    cluster.propose(1, "x");
    expect(cluster.node(1).appliedTexts()).toEqual(["x"]);
  });

  test("a transfer to a learner is ignored", () => {
    const cluster = new Cluster(
      [1, 2, 3].map((id) => ({ id, voters: [1, 2], learners: [3], options: SAFE })),
    );
    cluster.campaign(1);
    transfer(cluster, 3);
    expect(cluster.leader()?.id).toBe(1);
    expect(cluster.node(1).core.status().transferee).toBeUndefined();
  });

  test("proposals are refused while it lasts, and nothing of them is kept (pitfall 7)", () => {
    const cluster = led();
    cluster.isolate(3);
    transfer(cluster, 3);
    const { lastIndex } = cluster.node(1).core.status();
    expect(() => cluster.node(1).core.propose(new Uint8Array([1]))).toThrow(
      expect.objectContaining({ code: "RAFT_TRANSFER_IN_PROGRESS", outcome: "not-applied" }),
    );
    expect(cluster.node(1).core.status().lastIndex).toBe(lastIndex);
  });

  test("it is given up after an election timeout, and proposals are taken again", () => {
    const cluster = led({ ...PAPER, electionTicks: TICKS });
    cluster.isolate(3);
    transfer(cluster, 3);
    cluster.tick(1, TICKS - 1);
    expect(cluster.node(1).core.status().transferee).toBe(3);
    cluster.tick(1);
    expect(cluster.node(1).core.status().transferee).toBeUndefined();
    cluster.propose(1, "x");
    expect(cluster.node(1).appliedTexts()).toEqual(["x"]);
  });

  test("a second target replaces the first", () => {
    const cluster = led();
    cluster.isolate(3);
    transfer(cluster, 3);
    transfer(cluster, 2);
    expect(cluster.leader()?.id).toBe(2);
  });

  test("the same target again changes nothing, and gains no time", () => {
    const cluster = led({ ...PAPER, electionTicks: TICKS });
    cluster.isolate(3);
    transfer(cluster, 3);
    cluster.tick(1, TICKS - 1);
    transfer(cluster, 3);
    cluster.tick(1);
    expect(cluster.node(1).core.status().transferee).toBeUndefined();
  });

  test("a leader that tries again and again still finds out that its quorum is gone", () => {
    const cluster = led({ ...PAPER, electionTicks: TICKS, checkQuorum: true });
    cluster.tick(1, TICKS - 1);
    cluster.isolate(1);
    // The check that comes now still knows of answers to what was sent before.
    cluster.tick(1);
    const { core } = cluster.node(1);
    for (let tick = 1; tick <= TICKS; tick += 1) {
      expect(core.role).toBe("leader");
      core.transferLeadership(1);
      core.transferLeadership(2);
      cluster.tick(1);
    }
    expect(core.status()).toMatchObject({ role: "follower", term: 1, transferee: undefined });
  });

  test("one that begins between two checks of the quorum has its whole election timeout", () => {
    const cluster = led({ ...SAFE, preVote: false });
    cluster.tick(1, TICKS - 1);
    cluster.isolate(3);
    transfer(cluster, 3);
    cluster.tick(1, TICKS - 1);
    expect(cluster.node(1).core.status()).toMatchObject({ role: "leader", transferee: 3 });
    cluster.tick(1);
    expect(cluster.node(1).core.status()).toMatchObject({ role: "leader", transferee: undefined });
  });

  test("a later term ends it", () => {
    const cluster = led(PAPER);
    cluster.isolate(3);
    transfer(cluster, 3);
    cluster.campaign(2);
    expect(cluster.leader()?.id).toBe(2);
    expect(cluster.node(1).core.status().transferee).toBeUndefined();
  });

  test("it ends when the target is removed", () => {
    const cluster = led();
    cluster.isolate(3);
    cluster.node(1).core.proposeConfigChange({
      transition: "auto",
      changes: [{ operation: "remove", node: 3 as never }],
    });
    cluster.node(1).core.transferLeadership(3);
    cluster.settle();
    expect(cluster.node(1).config.voters).toEqual([1, 2]);
    expect(cluster.node(1).core.status().transferee).toBeUndefined();
  });

  test("the target campaigns without a pre-vote, and leases do not stop it", () => {
    const cluster = led();
    const target = cluster.node(2);
    const sent = ofType(target.step(timeoutNow({ from: 1, to: 2, term: 1 })), "vote-request");
    expect(sent.map(({ isTransfer, term }) => ({ isTransfer, term }))).toEqual([
      { isTransfer: true, term: 2 },
      { isTransfer: true, term: 2 },
    ]);
  });

  test("a node that may not lead ignores the order to campaign", () => {
    const node = new TestNode({ id: 4, voters: [1, 2, 3], options: SAFE });
    expect(node.step(timeoutNow({ from: 1, to: 4, term: 1 }))).toEqual([]);
    expect(node.core.status().role).toBe("follower");
  });
});
