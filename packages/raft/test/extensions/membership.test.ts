/** Configuration changes (Raft thesis chapter 4), as they are proposed, committed and applied. */

import { describe, expect, test } from "vitest";
import {
  type ConfigTransition,
  encodeConfigChange,
  parseMemberChanges,
  type RaftCoreOptions,
  RaftError,
  toNodeId,
} from "../../src/core/index.js";
import { Cluster } from "../support/cluster.js";
import { appendRequest, appendResponse, at, ofType } from "../support/messages.js";
import { bytes, PAPER, TestNode } from "../support/test-node.js";

const STRICT: RaftCoreOptions = {};

function proposeTo(node: TestNode, text: string, transition: ConfigTransition = "auto"): void {
  node.core.proposeConfigChange({ transition, changes: parseMemberChanges(text) });
}

function refusal(act: () => unknown): RaftError {
  try {
    act();
  } catch (error) {
    if (error instanceof RaftError) return error;
  }
  throw new Error("was not refused");
}

describe("configuration changes", () => {
  test("a change takes effect when it is applied, not before", () => {
    const node = new TestNode({ id: 1, options: PAPER });
    node.becomeLeader();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    proposeTo(node, "v4");
    node.drain();
    expect(node.core.status().config.voters).toEqual([1, 2, 3]);
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    expect(node.core.status().config).toMatchObject({ voters: [1, 2, 3, 4], changedAt: 2 });
  });

  test("a change waits for a commit of the leader's own term (pitfall 8)", () => {
    const node = new TestNode({ id: 1, term: 3, log: [1, 2], options: STRICT });
    node.becomeLeader();
    const error = refusal(() => proposeTo(node, "v4"));
    expect(error).toMatchObject({ code: "RAFT_CONFIG_CHANGE_REFUSED", outcome: "not-applied" });
    expect(["change-pending", "no-commit-in-term"]).toContain(error.reason);
    node.step(appendResponse({ from: 2, to: 1, term: 4, index: 3 }));
    proposeTo(node, "v4");
    expect(node.core.status().lastIndex).toBe(4);
  });

  test("so does one on an empty log, where nothing else could be pending (pitfall 8)", () => {
    const node = new TestNode({ id: 1, options: STRICT });
    node.becomeLeader();
    expect(refusal(() => proposeTo(node, "v4")).reason).toBe("no-commit-in-term");
  });

  test("one change at a time: the next waits until the first is applied (pitfall 9)", () => {
    const node = new TestNode({ id: 1, options: STRICT });
    node.becomeLeader();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    proposeTo(node, "v4");
    expect(refusal(() => proposeTo(node, "v5")).reason).toBe("change-pending");
    node.drain();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    proposeTo(node, "v5");
    expect(node.core.status().lastIndex).toBe(3);
  });

  test("two changes in one proposal are refused as well (pitfall 9)", () => {
    const node = new TestNode({ id: 1, options: PAPER });
    node.becomeLeader();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    const entry = encodeConfigChange({ transition: "auto", changes: parseMemberChanges("v4") });
    node.step({
      type: "propose-request",
      from: toNodeId(2),
      to: toNodeId(1),
      entries: [entry, entry],
    });
    const stored = node.stored.at(-1)?.entries.map(({ type }) => type);
    expect(stored).toEqual(["config-change", "normal"]);
  });

  test("a leader's inherited tail may hide a change, so it waits for all of it", () => {
    const node = new TestNode({ id: 1, term: 1, log: [1, 1, 1], options: PAPER });
    node.becomeLeader();
    const ignored = node.core.status().lastIndex;
    proposeTo(node, "v4");
    node.drain();
    expect(node.stored.at(-1)?.entries.map(({ type }) => type)).toEqual(["normal"]);
    expect(node.core.status().lastIndex).toBe(ignored + 1);
  });

  test("a node with a committed change that it has not applied does not campaign (pitfall 9)", () => {
    const node = new TestNode({ id: 2, term: 1, options: { ...PAPER, maxApplyingBytes: 1 } });
    const change = encodeConfigChange({ transition: "auto", changes: parseMemberChanges("r2") });
    const filler = { type: "normal", data: bytes("x") } as const;
    const entries = [filler, change].map((entry, i) => ({ ...at(1, i + 1), ...entry }));
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, entries, commit: 2 }));
    // Stored, but not applied yet: only the first entry fits the limit.
    const ready = node.core.ready();
    node.storage.append(ready.append?.entries ?? []);
    node.core.campaign();
    expect(node.core.status().role).toBe("follower");
  });

  test("a compare and set refuses when the configuration has moved", () => {
    const cluster = Cluster.of(3, STRICT);
    cluster.campaign(1);
    const { core } = cluster.node(1);
    const seen = core.status().config.changedAt;
    const change = { transition: "auto", changes: parseMemberChanges("l4") } as const;
    core.proposeConfigChange(change, { ifChangedAt: seen });
    cluster.settle();
    expect(core.status().config.learners).toEqual([4]);
    const error = refusal(() => core.proposeConfigChange(change, { ifChangedAt: seen }));
    expect(error).toMatchObject({ code: "RAFT_CONFIG_CHANGE_REFUSED", reason: "config-moved" });
    const atFollower = refusal(() =>
      cluster.node(2).core.proposeConfigChange(change, { ifChangedAt: seen }),
    );
    expect(atFollower).toMatchObject({ code: "RAFT_NOT_LEADER", leader: 1 });
  });

  test("an explicit joint change stays until it is left, and refuses others meanwhile", () => {
    const cluster = Cluster.of(3, STRICT);
    cluster.campaign(1);
    proposeTo(cluster.node(1), "v4 r3", "explicit");
    cluster.settle();
    expect(cluster.node(2).config).toMatchObject({
      voters: [1, 2, 4],
      votersOutgoing: [1, 2, 3],
      autoLeave: false,
    });
    expect(refusal(() => proposeTo(cluster.node(1), "v5")).reason).toBe("already-joint");
    proposeTo(cluster.node(1), "");
    cluster.settle();
    expect(cluster.node(2).config).toMatchObject({ voters: [1, 2, 4], votersOutgoing: [] });
    expect(refusal(() => proposeTo(cluster.node(1), "")).reason).toBe("not-joint");
  });

  test.each(["auto", "implicit"] as const)("an %s joint change is left by itself", (transition) => {
    const cluster = Cluster.of(3, STRICT);
    cluster.campaign(1);
    proposeTo(cluster.node(1), "l3 l4", transition);
    cluster.settle();
    expect(cluster.node(2).config).toMatchObject({
      voters: [1, 2],
      votersOutgoing: [],
      learners: [3, 4],
      learnersNext: [],
    });
  });

  test("a joint change is left although leadership was being handed over when it could have been", () => {
    const cluster = Cluster.of(3, STRICT);
    cluster.campaign(1);
    const { core } = cluster.node(1);
    proposeTo(cluster.node(1), "v4 r3", "auto");
    // The successor never hears of it.
    cluster.lose("timeout-now");
    core.transferLeadership(2);
    cluster.settle();
    expect(core.status().config.votersOutgoing).toEqual([1, 2, 3]);
    // Nobody proposes anything more.
    cluster.tick(1, 20);
    expect(core.status().config).toMatchObject({ voters: [1, 2, 4], votersOutgoing: [] });
  });

  test("a joint change needs both majorities (pitfall 15)", () => {
    const node = new TestNode({ id: 1, voters: [1, 2, 3], options: PAPER });
    node.becomeLeader();
    const all = (from: readonly number[], index: number): void => {
      for (const id of from) node.step(appendResponse({ from: id, to: 1, term: 1, index }));
    };
    all([2, 3], 1);
    proposeTo(node, "v4 v5 r2 r3", "explicit");
    node.drain();
    all([2, 3], 2);
    node.propose("x");
    all([2, 3], 3);
    expect(node.core.status().commitIndex).toBe(2);
    all([4], 3);
    expect(node.core.status().commitIndex).toBe(3);
    node.propose("y");
    all([4, 5], 4);
    expect(node.core.status().commitIndex).toBe(3);
    all([2], 4);
    expect(node.core.status().commitIndex).toBe(4);
  });

  test("a leader of a joint configuration that is lost is replaced, and the joint is left", () => {
    const cluster = Cluster.of(3, { ...PAPER, configChangeValidation: "strict" });
    cluster.campaign(1);
    proposeTo(cluster.node(1), "l3 l4", "implicit");
    // Everyone enters; the leader is gone before it can get the leaving to anybody.
    const sent = cluster.node(1).drain();
    for (const message of sent) cluster.settle(message);
    cluster.isolate(1);
    cluster.campaign(2);
    cluster.heal();
    cluster.tickAll(2);
    cluster.campaign(2);
    cluster.tickAll(2);
    expect(cluster.node(2).config).toMatchObject({ votersOutgoing: [], learners: [3, 4] });
  });

  test("a removed leader steps down, and the others elect one (pitfall 10)", () => {
    const cluster = Cluster.of(3, STRICT);
    cluster.campaign(1);
    proposeTo(cluster.node(1), "r1");
    cluster.settle();
    expect(cluster.node(1).core.status().role).toBe("follower");
    // It steps down with the change applied but before it could tell the others of the commit.
    for (const id of [2, 3]) cluster.tick(id, 25);
    expect([2, 3]).toContain(cluster.leader()?.id);
    cluster.propose(cluster.leader()?.id ?? 0, "x");
    expect(cluster.node(2).appliedTexts()).toEqual(["x"]);
    expect(cluster.node(2).config.voters).toEqual([2, 3]);
  });

  test("a leader told to stay although removed counts itself no more, and takes no proposals", () => {
    const node = new TestNode({ id: 1, options: PAPER });
    node.becomeLeader();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    proposeTo(node, "r1");
    node.propose("x");
    for (const index of [2, 3]) node.step(appendResponse({ from: 2, to: 1, term: 1, index }));
    expect(node.core.status()).toMatchObject({ role: "leader", commitIndex: 2 });
    node.step(appendResponse({ from: 3, to: 1, term: 1, index: 3 }));
    expect(node.core.status()).toMatchObject({ role: "leader", commitIndex: 3 });
    expect(refusal(() => node.core.propose(bytes("y"))).code).toBe("RAFT_REMOVED");
  });

  test("who refuses a candidate tells it of commits, so that a demoted leader blocks nobody (9)", () => {
    const share = { ...PAPER, stepDownOnRemoval: true, shareCommitInElections: true };
    const options = (isShared: boolean): RaftCoreOptions => ({
      ...share,
      shareCommitInElections: isShared,
    });
    const isElected = (isShared: boolean): boolean => {
      const cluster = Cluster.of(3, options(isShared));
      cluster.campaign(1);
      // Node 1 becomes a learner. Everyone enters the joint configuration; of the entry that leaves
      // it, all have a copy, but only node 1 learns that it is committed. It holds one entry more.
      proposeTo(cluster.node(1), "l1 v3", "explicit");
      cluster.settle();
      proposeTo(cluster.node(1), "");
      const sent = cluster.node(1).drain();
      const leader = cluster.node(1);
      const answers = sent.flatMap((message) => cluster.node(message.to).step(message));
      cluster.node(1).core.propose(bytes("only here"));
      leader.drain();
      leader.step(...answers);
      expect(leader.core.status()).toMatchObject({ role: "follower", config: { learners: [1] } });
      for (const id of [2, 3]) {
        expect(cluster.node(id).config.votersOutgoing).toEqual([1, 2, 3]);
        cluster.node(id).core.forgetLeader();
      }
      // The vote of node 1 is needed by nobody under the new configuration; here it is not under the
      // old one either, so take that of node 3 away.
      cluster.cut(2, 3);
      cluster.campaign(2);
      cluster.heal();
      return cluster.node(2).config.votersOutgoing.length === 0;
    };
    expect(isElected(false)).toBe(false);
    expect(isElected(true)).toBe(true);
  });

  test("a newcomer is sent to at once", () => {
    const node = new TestNode({ id: 1, voters: [1], options: PAPER });
    node.becomeLeader();
    proposeTo(node, "v2");
    const sent = ofType(node.drain(), "append-request");
    expect(sent[0]).toMatchObject({ to: 2, previous: at(1, 1) });
  });

  test("the answer of a node that is no member is refused", () => {
    const node = new TestNode({ id: 1, options: PAPER });
    node.becomeLeader();
    const code = node.core.step(appendResponse({ from: 9, to: 1, term: 1, index: 1 }));
    expect(code).toBe("RAFT_PEER_NOT_FOUND");
  });

  test("an entry that is no configuration change is refused before it enters the log", () => {
    const node = new TestNode({ id: 1, options: PAPER });
    node.becomeLeader();
    const { lastIndex } = node.core.status();
    const code = node.core.step({
      type: "propose-request",
      from: toNodeId(2),
      to: toNodeId(1),
      entries: [{ type: "config-change", data: bytes("\u0009nonsense") }],
    });
    expect(code).toBe("RAFT_CONFIG_CHANGE_MALFORMED");
    expect(node.core.status().lastIndex).toBe(lastIndex);
  });

  test("a change that would leave no voter never enters the log", () => {
    const node = new TestNode({ id: 1, voters: [1] });
    node.becomeLeader();
    const changes = parseMemberChanges("r1");
    const { reason } = refusal(() => {
      node.core.proposeConfigChange({ transition: "auto", changes });
    });
    expect(reason).toBe("all-voters-removed");
    const before = node.core.status().lastIndex;
    const joint = { transition: "explicit", changes } as const;
    expect(refusal(() => node.core.proposeConfigChange(joint)).reason).toBe("all-voters-removed");
    expect(node.core.status().lastIndex).toBe(before);
  });

  test("a change that cannot follow is refused when applied, and changes nothing", () => {
    const node = new TestNode({ id: 1, voters: [1], options: PAPER });
    const before = node.core.status();
    const entry = {
      ...at(1, 1),
      ...encodeConfigChange({ transition: "auto", changes: parseMemberChanges("r1") }),
    };
    expect(refusal(() => node.core.applyConfigChange(entry)).reason).toBe("all-voters-removed");
    expect(node.core.status()).toEqual(before);
  });
});
