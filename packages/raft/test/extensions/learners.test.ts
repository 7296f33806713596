/** Learners: members that receive the log and have no say. */

import { describe, expect, test } from "vitest";
import type { RaftCoreOptions } from "../../src/core/index.js";
import { foundingConfig, parseMemberChanges } from "../../src/core/index.js";
import { Cluster } from "../support/cluster.js";
import {
  appendResponse,
  at,
  snapshotRequest,
  voteRequest,
  voteResponse,
} from "../support/messages.js";
import { PAPER, TestNode } from "../support/test-node.js";

const OPTIONS: RaftCoreOptions = {};

function withLearner(options: RaftCoreOptions = OPTIONS): Cluster {
  return new Cluster([1, 2, 3].map((id) => ({ id, voters: [1, 2], learners: [3], options })));
}

describe("learners", () => {
  test("a learner never campaigns, neither by timeout nor when told to", () => {
    const learner = new TestNode({ id: 3, voters: [1, 2], learners: [3], options: PAPER });
    expect(learner.tick(100)).toEqual([]);
    learner.core.campaign();
    expect(learner.core.status()).toMatchObject({ role: "follower", term: 0 });
  });

  test("a learner receives and applies what voters commit", () => {
    const cluster = withLearner();
    cluster.campaign(1);
    cluster.propose(1, "x");
    expect(cluster.node(3).appliedTexts()).toEqual(["x"]);
  });

  test("acknowledgements of a learner commit nothing", () => {
    const node = new TestNode({ id: 1, voters: [1, 2], learners: [3], options: PAPER });
    node.becomeLeader();
    node.step(appendResponse({ from: 3, to: 1, term: 1, index: 1 }));
    expect(node.core.status().commitIndex).toBe(0);
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    expect(node.core.status().commitIndex).toBe(1);
  });

  test("a vote of a learner does not elect", () => {
    const node = new TestNode({ id: 1, voters: [1, 2], learners: [3], options: PAPER });
    node.core.campaign();
    node.drain();
    node.step(voteResponse({ from: 3, to: 1, term: 1, granted: true }));
    expect(node.core.status().role).toBe("candidate");
  });

  test("a learner that is asked does vote: it may be a voter by now (pitfall 10)", () => {
    const learner = new TestNode({ id: 3, voters: [1, 2], learners: [3], options: PAPER });
    const sent = learner.step(voteRequest({ from: 2, to: 3, term: 2 }));
    expect(sent).toEqual([voteResponse({ from: 3, to: 2, term: 2, granted: true })]);
  });

  test("a learner that was promoted behind its back still lets a leader be elected", () => {
    const cluster = withLearner();
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.node(1).core.proposeConfigChange({
      transition: "auto",
      changes: parseMemberChanges("v3"),
    });
    cluster.settle();
    expect(cluster.node(2).config.voters).toEqual([1, 2, 3]);
    cluster.heal();
    cluster.isolate(1);
    cluster.node(2).core.campaign();
    // The lease of the silent leader would delay this; let the followers forget it.
    cluster.node(3).core.forgetLeader();
    cluster.settle();
    expect(cluster.leader()?.id).toBe(2);
    expect(cluster.node(3).config.voters).toEqual([1, 2, 3]);
  });

  test("promotion makes a voter that can lead; demotion makes a learner again", () => {
    const cluster = withLearner();
    cluster.campaign(1);
    const change = (text: string): void => {
      const changes = parseMemberChanges(text);
      cluster.leader()?.core.proposeConfigChange({ transition: "auto", changes });
      cluster.settle();
    };
    change("v3");
    expect(cluster.node(3).core.status().config).toMatchObject({ voters: [1, 2, 3], learners: [] });
    cluster.node(1).core.transferLeadership(3);
    cluster.settle();
    expect(cluster.leader()?.id).toBe(3);
    cluster.node(3).core.transferLeadership(1);
    cluster.settle();
    change("l3");
    expect(cluster.node(3).core.status().config).toMatchObject({ voters: [1, 2], learners: [3] });
  });

  test("a learner is promoted only once it has caught up (pitfall 10)", () => {
    const cluster = withLearner({ maxPromotionLag: 2 });
    cluster.campaign(1);
    cluster.isolate(3);
    for (const text of ["a", "b", "c"]) cluster.propose(1, text);
    const promote = { transition: "auto", changes: parseMemberChanges("v3") } as const;
    const { core } = cluster.node(1);
    expect(() => core.proposeConfigChange(promote)).toThrow(
      expect.objectContaining({ code: "RAFT_CONFIG_CHANGE_REFUSED", reason: "learner-behind" }),
    );
    cluster.heal();
    cluster.tick(1, 2);
    core.proposeConfigChange(promote);
    cluster.settle();
    expect(cluster.node(3).config.voters).toEqual([1, 2, 3]);
  });

  test("so it is while a snapshot is on its way to it (pitfall 10)", () => {
    const cluster = withLearner();
    cluster.campaign(1);
    cluster.isolate(3);
    cluster.propose(1, "a");
    cluster.node(1).compact();
    cluster.heal();
    cluster.lose("snapshot-request");
    cluster.tick(1, 2);
    expect(cluster.node(1).core.status().members[2]?.state).toBe("snapshot");
    const promote = { transition: "auto", changes: parseMemberChanges("v3") } as const;
    expect(() => cluster.node(1).core.proposeConfigChange(promote)).toThrow(
      expect.objectContaining({ reason: "learner-behind" }),
    );
  });

  test("a leader that is demoted steps down", () => {
    const cluster = Cluster.of(3, OPTIONS);
    cluster.campaign(1);
    cluster.node(1).core.proposeConfigChange({
      transition: "auto",
      changes: parseMemberChanges("l1"),
    });
    cluster.settle();
    expect(cluster.node(1).core.status()).toMatchObject({ role: "follower" });
    expect(cluster.node(2).config).toMatchObject({ voters: [2, 3], learners: [1] });
  });

  test("a learner takes over membership from a snapshot", () => {
    const learner = new TestNode({ id: 3, voters: [], options: PAPER });
    const config = foundingConfig({ voters: [1, 2], learners: [3] });
    learner.step(snapshotRequest({ from: 1, to: 3, term: 2, at: at(2, 5), config }));
    expect(learner.core.status()).toMatchObject({ commitIndex: 5, config });
  });

  test("a learner's progress is followed like a voter's", () => {
    const cluster = withLearner();
    cluster.campaign(1);
    cluster.propose(1, "x");
    expect(cluster.node(1).core.status().members[2]).toMatchObject({
      id: 3,
      isLearner: true,
      state: "replicate",
      match: 2,
    });
  });
});
