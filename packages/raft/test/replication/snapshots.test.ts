/** Snapshots: to followers that need what the log no longer has (Raft paper §7). */

import { describe, expect, test } from "vitest";
import {
  encodeConfigChange,
  foundingConfig,
  parseMemberChanges,
  type RaftCoreOptions,
  toLogIndex,
} from "../../src/core/index.js";
import { Cluster } from "../support/cluster.js";
import {
  appendRequest,
  appendResponse,
  at,
  heartbeatResponse,
  ofType,
  snapshotRequest,
} from "../support/messages.js";
import { entriesOf, PAPER, TestNode } from "../support/test-node.js";

/** A leader of three that has compacted its log up to its commit index, 4. */
function compactedLeader(options: RaftCoreOptions = {}): TestNode {
  const node = new TestNode({ id: 1, options: { ...PAPER, ...options } });
  node.becomeLeader();
  for (const text of ["a", "b", "c"]) node.propose(text);
  node.step(appendResponse({ from: 2, to: 1, term: 1, index: 4 }));
  node.compact();
  return node;
}

/** The leader finds out that node 3 has nothing. */
function refuseAll(node: TestNode): ReturnType<TestNode["step"]> {
  return node.step(appendResponse({ from: 3, to: 1, term: 1, index: 0, hint: at(0, 0) }));
}

describe("sending snapshots", () => {
  test("a follower that needs compacted entries gets a snapshot, and then nothing", () => {
    const node = compactedLeader();
    const sent = ofType(refuseAll(node), "snapshot-request");
    expect(sent).toHaveLength(1);
    expect(sent[0]?.snapshot.meta).toMatchObject({ index: 4, term: 1 });
    expect(node.core.status().members[2]).toMatchObject({
      state: "snapshot",
      pendingSnapshot: 4,
      next: 5,
    });
    expect(ofType(node.propose("d"), "append-request").map(({ to }) => to)).toEqual([2]);
    const answer = node.step(heartbeatResponse({ from: 3, to: 1, term: 1 }));
    expect(answer).toEqual([]);
  });

  test("none is sent to one that was not heard from since the last check of the quorum", () => {
    const node = compactedLeader({ checkQuorum: true, electionTicks: 10 });
    const snapshot = node.storage.snapshot();
    node.storage.snapshot = () => undefined;
    refuseAll(node);
    node.storage.snapshot = () => snapshot;
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1 }));
    node.tick(10);
    expect(node.core.status()).toMatchObject({ role: "leader" });
    expect(ofType(node.propose("d"), "snapshot-request")).toEqual([]);
    const sent = node.step(heartbeatResponse({ from: 3, to: 1, term: 1 }));
    expect(ofType(sent, "snapshot-request")).toHaveLength(1);
  });

  test("one from before the member joined is not sent: it would be ignored (pitfall 11)", () => {
    const node = compactedLeader();
    const changes = parseMemberChanges("v4");
    node.core.proposeConfigChange({ transition: "auto", changes });
    node.drain();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 5 }));
    const refusal = appendResponse({ from: 4, to: 1, term: 1, index: 4, hint: at(0, 0) });
    expect(ofType(node.step(refusal), "snapshot-request")).toEqual([]);
    expect(node.core.status().members[3]?.state).toBe("probe");
    node.compact();
    const sent = node.step(heartbeatResponse({ from: 4, to: 1, term: 1 }));
    expect(ofType(sent, "snapshot-request")[0]?.snapshot.meta.config.voters).toContain(4);
  });

  test("while the storage has none ready, the follower waits", () => {
    const node = compactedLeader();
    node.storage.snapshot = () => undefined;
    expect(ofType(refuseAll(node), "snapshot-request")).toEqual([]);
    expect(node.core.status().members[2]?.state).toBe("probe");
  });

  test("delivered: probing goes on behind it, once the follower answers", () => {
    const node = compactedLeader();
    refuseAll(node);
    node.core.reportSnapshot(3, true);
    expect(node.core.status().members[2]).toMatchObject({
      state: "probe",
      next: 5,
      isPaused: true,
    });
  });

  test("failed: probing goes on where it was, at the next heartbeat", () => {
    const node = compactedLeader();
    refuseAll(node);
    node.core.reportSnapshot(3, false);
    expect(node.core.status().members[2]).toMatchObject({
      state: "probe",
      next: 1,
      isPaused: true,
      pendingSnapshot: 0,
    });
    const sent = node.step(heartbeatResponse({ from: 3, to: 1, term: 1 }));
    expect(ofType(sent, "snapshot-request")).toHaveLength(1);
  });

  test("an acknowledgement that reaches the log ends it, whatever snapshot arrived", () => {
    const node = compactedLeader();
    node.propose("d");
    refuseAll(node);
    const sent = node.step(appendResponse({ from: 3, to: 1, term: 1, index: 4 }));
    expect(node.core.status().members[2]).toMatchObject({ state: "replicate", match: 4 });
    expect(
      ofType(sent, "append-request").some(({ to, entries }) => to === 3 && entries.length === 1),
    ).toBe(true);
  });

  test("one of a snapshot behind which the log was cut meanwhile asks for the next snapshot", () => {
    const node = compactedLeader();
    refuseAll(node);
    for (const text of ["d", "e"]) node.propose(text);
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 6 }));
    node.compact();
    const sent = node.step(appendResponse({ from: 3, to: 1, term: 1, index: 4 }));
    const [request] = ofType(sent, "snapshot-request");
    expect(request?.snapshot.meta).toMatchObject({ index: 6, term: 1 });
    node.step(appendResponse({ from: 3, to: 1, term: 1, index: 6 }));
    expect(node.core.status().members[2]).toMatchObject({ state: "replicate", match: 6 });
  });

  test("one that does not reach the log does not", () => {
    const node = compactedLeader();
    refuseAll(node);
    node.step(appendResponse({ from: 3, to: 1, term: 1, index: 2 }));
    expect(node.core.status().members[2]).toMatchObject({ state: "snapshot", match: 2 });
  });

  test("an unreachable follower still waits for its snapshot", () => {
    const node = compactedLeader();
    refuseAll(node);
    node.core.reportUnreachable(3);
    expect(node.core.status().members[2]?.state).toBe("snapshot");
  });

  test("a report about a snapshot that is not under way is ignored", () => {
    const node = compactedLeader();
    const before = node.core.status();
    node.core.reportSnapshot(2, false);
    node.core.reportSnapshot(9, false);
    expect(node.core.status()).toEqual(before);
  });
});

describe("receiving snapshots", () => {
  test("a change still being applied does not undo the snapshot behind it (pitfall 11)", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    const entry = {
      ...at(1, 1),
      ...encodeConfigChange({ transition: "auto", changes: parseMemberChanges("r3") }),
    };
    const { core } = node;
    core.step(appendRequest({ from: 1, to: 2, term: 1, entries: [entry], commit: 1 }));
    const { append } = core.ready();
    node.storage.append(append?.entries ?? []);
    for (const response of append?.responses ?? []) if (response.to === 2) core.step(response);
    const { apply } = core.ready();
    expect(apply?.entries).toEqual([entry]);
    // Removed, and added again: the state machine is still at the removal.
    const config = { ...foundingConfig({ voters: [1, 2, 3, 4] }), changedAt: toLogIndex(7) };
    core.step(snapshotRequest({ from: 1, to: 2, term: 1, at: at(1, 9), config }));
    expect(core.applyConfigChange(entry)).toEqual(config);
    expect(core.status().config).toEqual(config);
  });

  test("a follower starts over behind it, and says so once it is stored", () => {
    const node = new TestNode({ id: 2, term: 1, log: [1, 1], options: PAPER });
    node.core.step(snapshotRequest({ from: 1, to: 2, term: 2, at: at(2, 9), voters: [1, 2, 4] }));
    const ready = node.core.ready();
    expect(ready.messages).toEqual([]);
    expect(ready.append?.snapshot?.meta.index).toBe(9);
    expect(ready.append?.responses.map(({ type }) => type)).toEqual([
      "append-response",
      "append-done",
    ]);
    expect(node.core.status()).toMatchObject({
      commitIndex: 9,
      lastIndex: 9,
      config: { voters: [1, 2, 4] },
    });
  });

  test("nothing is applied before the snapshot is in place (pitfall 11)", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    node.core.step(snapshotRequest({ from: 1, to: 2, term: 2, at: at(2, 9) }));
    node.core.ready();
    const entries = entriesOf([2, 2], 10);
    node.core.step(
      appendRequest({ from: 1, to: 2, term: 2, previous: at(2, 9), entries, commit: 11 }),
    );
    expect(node.core.ready().apply).toBeUndefined();
  });

  test("a node in the middle of it does not campaign (pitfall 11)", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    node.core.step(snapshotRequest({ from: 1, to: 2, term: 2, at: at(2, 9) }));
    node.core.ready();
    node.core.campaign();
    for (let i = 0; i < 50; i += 1) node.core.tick();
    expect(node.core.status().role).toBe("follower");
  });

  test("one that is older than the commit index is answered with that index", () => {
    const node = new TestNode({ id: 2, term: 1, log: [1, 1, 1], commit: 3, options: PAPER });
    const sent = node.step(snapshotRequest({ from: 1, to: 2, term: 1, at: at(1, 2) }));
    expect(sent).toEqual([appendResponse({ from: 2, to: 1, term: 1, index: 3 })]);
    expect(node.restored).toEqual([]);
  });

  test("one that the log already covers moves the commit index and keeps the log", () => {
    const node = new TestNode({ id: 2, term: 1, log: [1, 1, 1], commit: 1, options: PAPER });
    const sent = node.step(snapshotRequest({ from: 1, to: 2, term: 1, at: at(1, 2) }));
    expect(sent).toEqual([appendResponse({ from: 2, to: 1, term: 1, index: 2 })]);
    expect(node.core.status()).toMatchObject({ commitIndex: 2, lastIndex: 3 });
    expect(node.restored).toEqual([]);
  });

  test("one whose configuration does not have this node is ignored (pitfall 17)", () => {
    const node = new TestNode({ id: 2, term: 1, options: PAPER });
    const config = foundingConfig({ voters: [1, 3] });
    node.step(snapshotRequest({ from: 1, to: 2, term: 1, at: at(1, 5), config }));
    expect(node.core.status()).toMatchObject({ commitIndex: 0, lastIndex: 0 });
  });

  test("a joint configuration survives it", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    const config = {
      ...foundingConfig({ voters: [2, 3, 4], learners: [6] }),
      votersOutgoing: foundingConfig({ voters: [1, 2, 5] }).voters,
      learnersNext: foundingConfig({ voters: [5] }).voters,
      autoLeave: true,
    };
    node.step(snapshotRequest({ from: 1, to: 2, term: 1, at: at(1, 5), config }));
    expect(node.core.status().config).toEqual(config);
  });

  test("a follower far behind catches up by snapshot and log, and applies each entry once", () => {
    const cluster = Cluster.of(3);
    cluster.campaign(1);
    cluster.isolate(3);
    for (const text of ["a", "b", "c"]) cluster.propose(1, text);
    cluster.node(1).compact();
    cluster.propose(1, "d");
    cluster.heal();
    cluster.tick(1, 3);
    const late = cluster.node(3);
    expect(late.restored.map(({ meta }) => meta.index)).toEqual([4]);
    expect(late.appliedTexts()).toEqual(["d"]);
    expect(late.core.status()).toMatchObject({ commitIndex: 5, appliedIndex: 5 });
  });
});
