/** How far a leader runs ahead of its followers, and how it recovers from loss. */

import { describe, expect, test } from "vitest";
import type { PeerMessage, RaftCoreOptions } from "../../src/core/index.js";
import { appendResponse, at, heartbeatResponse, ofType } from "../support/messages.js";
import { bytes, PAPER, TestNode } from "../support/test-node.js";

/** A leader of two whose follower replicates, with the entry of the term acknowledged. */
function leader(options: RaftCoreOptions): TestNode {
  const node = new TestNode({ id: 1, voters: [1, 2], options: { ...PAPER, ...options } });
  node.becomeLeader();
  node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
  return node;
}

function appends(sent: readonly PeerMessage[]): string[] {
  return ofType(sent, "append-request").map(
    ({ previous, entries }) => `${previous.index}+${entries.length}`,
  );
}

const follower = (node: TestNode): ReturnType<typeof node.core.status>["members"][number] => {
  const member = node.core.status().members[1];
  if (member === undefined) throw new Error("no follower");
  return member;
};

describe("flow control", () => {
  test("a window full of messages stops further entries", () => {
    const node = leader({ maxInflightMessages: 3 });
    for (const text of ["a", "b", "c"]) expect(appends(node.propose(text))).toHaveLength(1);
    expect(follower(node)).toMatchObject({
      isInflightFull: true,
      isPaused: true,
      inflightCount: 3,
    });
    expect(appends(node.propose("d"))).toEqual([]);
  });

  test("an acknowledgement frees all it covers, and the freed room is used at once", () => {
    const node = leader({ maxInflightMessages: 3, maxAppendBytes: 0 });
    for (const text of ["a", "b", "c", "d", "e"]) node.propose(text);
    const sent = node.step(appendResponse({ from: 2, to: 1, term: 1, index: 3 }));
    expect(appends(sent).filter((one) => !one.endsWith("+0"))).toEqual(["4+1", "5+1"]);
    expect(follower(node)).toMatchObject({ match: 3, next: 7, inflightCount: 3 });
  });

  test("an old or repeated acknowledgement frees nothing", () => {
    const node = leader({ maxInflightMessages: 2 });
    node.propose("a");
    node.propose("b");
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    expect(follower(node)).toMatchObject({ inflightCount: 2, isInflightFull: true });
  });

  test("a heartbeat's answer lets one empty append through a full window (pitfall 15)", () => {
    const node = leader({ maxInflightMessages: 2 });
    node.propose("a");
    node.propose("b");
    for (let i = 0; i < 3; i += 1) {
      const sent = node.step(heartbeatResponse({ from: 2, to: 1, term: 1 }));
      expect(appends(sent)).toEqual(["3+0"]);
      expect(appends(node.propose("more"))).toEqual([]);
    }
  });

  test("when the whole window was lost, the refusal of that append restarts sending (pitfall 15)", () => {
    const node = leader({ maxInflightMessages: 2 });
    node.propose("a");
    node.propose("b");
    node.step(heartbeatResponse({ from: 2, to: 1, term: 1 }));
    const sent = node.step(appendResponse({ from: 2, to: 1, term: 1, index: 3, hint: at(1, 1) }));
    expect(appends(sent)).toEqual(["1+2"]);
    expect(follower(node)).toMatchObject({ state: "probe", next: 2, inflightCount: 0 });
  });

  test("the window is bounded in bytes too, and always has room for one message", () => {
    const node = leader({ maxInflightBytes: 10, maxAppendBytes: 10 });
    expect(appends(node.propose("x".repeat(50)))).toEqual(["1+1"]);
    expect(follower(node)).toMatchObject({ isInflightFull: true, inflightBytes: 50 });
    expect(appends(node.propose("y"))).toEqual([]);
    const sent = node.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    expect(appends(sent)).toContain("2+1");
  });

  test("appends are cut to size, but an entry over the size still travels", () => {
    const node = new TestNode({
      id: 1,
      voters: [1, 2],
      options: { ...PAPER, maxAppendBytes: 40, maxInflightMessages: 100 },
    });
    node.becomeLeader();
    for (let i = 0; i < 6; i += 1) node.propose("x".repeat(10));
    node.propose("y".repeat(100));
    const sent = node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    const groups = appends(sent).filter((one) => !one.endsWith("+0"));
    expect(groups).toEqual(["1+2", "3+2", "5+2", "7+1"]);
  });

  test("a probed follower gets one append per heartbeat's answer", () => {
    const node = leader({});
    node.core.reportUnreachable(2);
    expect(follower(node).state).toBe("probe");
    expect(appends(node.propose("a"))).toEqual(["1+1"]);
    expect(appends(node.propose("b"))).toEqual([]);
    expect(appends(node.tick(3))).toEqual([]);
    expect(appends(node.step(heartbeatResponse({ from: 2, to: 1, term: 1 })))).toEqual(["1+2"]);
    expect(appends(node.propose("c"))).toEqual([]);
  });

  test("an answer that confirms what is known ends a probe (pitfall 15)", () => {
    const node = leader({});
    node.core.reportUnreachable(2);
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    expect(follower(node).state).toBe("replicate");
  });

  test("a probed follower that is up to date is still probed, so that it may go on", () => {
    const node = leader({});
    node.core.reportUnreachable(2);
    const sent = node.step(heartbeatResponse({ from: 2, to: 1, term: 1 }));
    expect(appends(sent)).toEqual(["1+0"]);
  });

  test("a follower that is up to date and replicates is left alone", () => {
    const node = leader({});
    expect(appends(node.step(heartbeatResponse({ from: 2, to: 1, term: 1 })))).toEqual([]);
  });

  test("a refused leader skips all its entries of terms later than the hint's", () => {
    const log = [1, 3, 3, 3, 5, 5, 5, 5, 5];
    const node = new TestNode({ id: 1, voters: [1, 2], term: 5, log, options: PAPER });
    node.becomeLeader();
    // A follower whose log ends at 6 in term 2 cannot have anything of terms 3 and 5.
    const hint = at(2, 6);
    const sent = node.step(appendResponse({ from: 2, to: 1, term: 6, index: 9, hint }));
    expect(appends(sent)).toEqual(["1+9"]);
  });

  test("without a term in the hint it probes right there", () => {
    const node = new TestNode({ id: 1, voters: [1, 2], term: 5, log: [1, 3, 3], options: PAPER });
    node.becomeLeader();
    const hint = at(0, 2);
    const sent = node.step(appendResponse({ from: 2, to: 1, term: 6, index: 3, hint }));
    expect(appends(sent)).toEqual(["2+2"]);
  });

  test("a stale refusal changes nothing", () => {
    const node = leader({});
    node.propose("a");
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    const before = follower(node);
    const sent = node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1, hint: at(1, 0) }));
    expect(appends(sent)).toEqual([]);
    expect(follower(node)).toEqual(before);
  });

  test("a heartbeat never tells a follower to commit what it may not have (pitfall 4)", () => {
    const node = new TestNode({ id: 1, voters: [1, 2, 3], options: PAPER });
    node.becomeLeader();
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    const commits = ofType(node.tick(), "heartbeat-request").map(({ to, commit }) => [to, commit]);
    expect(commits).toEqual([
      [2, 1],
      [3, 0],
    ]);
  });

  test("a follower hears of a commit at once when it has the entries already", () => {
    const node = new TestNode({ id: 1, voters: [1, 2, 3], options: PAPER });
    node.becomeLeader();
    node.propose("x");
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    const sent = node.step(appendResponse({ from: 3, to: 1, term: 1, index: 2 }));
    const commits = ofType(sent, "append-request").map(({ to, commit }) => [to, commit]);
    expect(commits).toContainEqual([3, 2]);
  });
});

describe("uncommitted entries", () => {
  const LIMIT = 1024;
  const proposals = (node: TestNode, count: number): number => {
    let taken = 0;
    for (let i = 0; i < count; i += 1) {
      try {
        node.core.propose(bytes("x".repeat(256)));
        taken += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: "RAFT_BACKLOG_FULL", outcome: "not-applied" });
      }
    }
    node.drain();
    return taken;
  };

  test("proposals beyond the limit are refused until some are applied", () => {
    const node = leader({ maxUncommittedBytes: LIMIT });
    expect(proposals(node, 10)).toBe(4);
    expect(node.core.status().uncommittedBytes).toBe(LIMIT);
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 3 }));
    expect(node.core.status().uncommittedBytes).toBe(LIMIT / 2);
    expect(proposals(node, 10)).toBe(2);
  });

  test("with nothing uncommitted, one proposal of any size is taken", () => {
    const node = leader({ maxUncommittedBytes: 8 });
    node.propose("x".repeat(100));
    expect(() => node.core.propose(bytes("y"))).toThrow(
      expect.objectContaining({ code: "RAFT_BACKLOG_FULL" }),
    );
  });

  test("empty entries are never refused, or no leader could begin its term", () => {
    const node = leader({ maxUncommittedBytes: 8 });
    node.propose("x".repeat(100));
    node.core.propose(new Uint8Array(0));
    expect(node.core.status().lastIndex).toBe(3);
  });

  test("the count starts anew with each term of leadership", () => {
    const node = leader({ maxUncommittedBytes: LIMIT });
    proposals(node, 4);
    node.step(appendResponse({ from: 2, to: 1, term: 9, index: 0 }));
    expect(node.core.status().uncommittedBytes).toBe(0);
  });

  test("an entry above its own limit is refused, and nothing of its batch is kept", () => {
    const node = leader({ maxEntryBytes: 4 });
    expect(() => node.core.proposeBatch([bytes("ok"), bytes("too long")])).toThrow(
      expect.objectContaining({ code: "RAFT_ENTRY_TOO_LARGE" }),
    );
    expect(node.core.status().lastIndex).toBe(1);
  });
});
