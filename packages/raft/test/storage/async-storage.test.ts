/** Writes that take their time: what is said before and after they are durable. */

import { describe, expect, test } from "vitest";
import type { AppendTask } from "../../src/core/index.js";
import {
  appendRequest,
  appendResponse,
  at,
  heartbeat,
  ofType,
  snapshotRequest,
  voteRequest,
} from "../support/messages.js";
import { entriesOf, PAPER, TestNode } from "../support/test-node.js";

/** Takes the next append task, to be finished whenever the test says so. */
function nextAppend(node: TestNode): AppendTask {
  const { append } = node.core.ready();
  if (append === undefined) throw new Error("nothing to append");
  return append;
}

function finish(node: TestNode, task: AppendTask): void {
  if (task.hardState !== undefined) node.storage.setHardState(task.hardState);
  if (task.snapshot !== undefined) node.storage.applySnapshot(task.snapshot);
  node.storage.append(task.entries);
  for (const response of task.responses) if (response.to === node.id) node.core.step(response);
}

describe("asynchronous storage", () => {
  test("a vote travels behind the write of it (pitfalls 1 and 12)", () => {
    const node = new TestNode({ id: 1, options: PAPER });
    node.core.step(voteRequest({ from: 2, to: 1, term: 1 }));
    const ready = node.core.ready();
    expect(ready.messages).toEqual([]);
    expect(ready.append).toMatchObject({
      mustSync: true,
      hardState: { term: 1, vote: 2 },
      responses: [{ type: "vote-response", to: 2, granted: true }],
    });
  });

  test("an acknowledgement travels behind the write of the entries (pitfall 12)", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, entries: entriesOf([1, 1]) }));
    const ready = node.core.ready();
    expect(ready.messages).toEqual([]);
    expect(ready.append?.entries).toHaveLength(2);
    expect(ready.append?.responses.map(({ type }) => type)).toEqual([
      "append-response",
      "append-done",
    ]);
  });

  test("a refusal of an append travels behind earlier writes as well", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, previous: at(1, 5) }));
    expect(ofType(node.core.ready().messages, "append-response")).toEqual([]);
  });

  test("a leader sends its entries before its own write, and counts itself only after it", () => {
    const node = new TestNode({ id: 1, voters: [1, 2], options: PAPER });
    node.becomeLeader();
    node.core.propose(new Uint8Array([1]));
    const ready = node.core.ready();
    // The follower replicates as soon as it has answered; a probe carries the first append.
    expect(ready.append?.entries).toHaveLength(1);
    node.core.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    // Its first entry is stored on both by now; of the second only the follower has told.
    expect(node.core.status().commitIndex).toBe(1);
    if (ready.append !== undefined) finish(node, ready.append);
    expect(node.core.status().commitIndex).toBe(2);
  });

  test("a single voter commits nothing before its own disk has it (pitfall 12)", () => {
    const node = new TestNode({ id: 1, voters: [1], options: PAPER });
    node.becomeLeader();
    const { commitIndex } = node.core.status();
    node.core.propose(new Uint8Array([1]));
    const ready = node.core.ready();
    expect(node.core.status().commitIndex).toBe(commitIndex);
    expect(ready.apply).toBeUndefined();
    if (ready.append !== undefined) finish(node, ready.append);
    expect(node.core.status().commitIndex).toBe(commitIndex + 1);
  });

  test("committed entries are not applied before they are stored here", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    const entries = entriesOf([1, 1]);
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, entries, commit: 2 }));
    const ready = node.core.ready();
    expect(ready.apply).toBeUndefined();
    if (ready.append !== undefined) finish(node, ready.append);
    expect(node.core.ready().apply?.entries.map(({ index }) => index)).toEqual([1, 2]);
  });

  test("a host that applies after each write may have them in the same Ready", () => {
    const node = new TestNode({ id: 2, options: { ...PAPER, applyBeforeStable: true } });
    const entries = entriesOf([1, 1]);
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, entries, commit: 2 }));
    expect(node.core.ready().apply?.entries).toHaveLength(2);
  });

  test("work is handed out once, and several writes may be under way", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, entries: entriesOf([1]) }));
    const first = nextAppend(node);
    expect(node.core.hasReady).toBe(false);
    const more = entriesOf([1], 2);
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, previous: at(1, 1), entries: more }));
    const second = nextAppend(node);
    expect(first.entries.map(({ index }) => index)).toEqual([1]);
    expect(second.entries.map(({ index }) => index)).toEqual([2]);
    finish(node, first);
    finish(node, second);
    expect(node.logTerms()).toEqual([1, 1]);
  });

  test("the report of an overwritten write does not pass for one of the newer (pitfall 2)", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    // Entry 1 of term 1, replaced by one of term 2, replaced by the first one again in term 3.
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, entries: entriesOf([1]) }));
    const first = nextAppend(node);
    node.core.step(appendRequest({ from: 3, to: 2, term: 2, entries: entriesOf([2]) }));
    const second = nextAppend(node);
    node.core.step(appendRequest({ from: 1, to: 2, term: 3, entries: entriesOf([1]) }));
    const third = nextAppend(node);
    finish(node, first);
    // If that counted, reads would now go to storage, where the second write is about to land.
    finish(node, second);
    expect(node.storage.term(at(0, 1).index)).toBe(2);
    node.core.step(appendRequest({ from: 1, to: 2, term: 3, previous: at(1, 1), commit: 1 }));
    expect(node.core.ready().apply).toBeUndefined();
    finish(node, third);
    expect(node.core.ready().apply?.entries.map(({ term }) => term)).toEqual([1]);
  });

  test("after a change of term the next report covers for those that are ignored", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, entries: entriesOf([1]), commit: 1 }));
    const first = nextAppend(node);
    node.core.step(voteRequest({ from: 3, to: 2, term: 2, last: at(1, 1) }));
    const second = nextAppend(node);
    expect(second.entries).toEqual([]);
    expect(second.responses.at(-1)).toMatchObject({ type: "append-done", term: 2, last: at(1, 1) });
    finish(node, first);
    expect(node.core.hasReady).toBe(false);
    finish(node, second);
    expect(node.core.ready().apply?.entries).toHaveLength(1);
  });

  test("a snapshot is in place whatever term its write ends in", () => {
    const node = new TestNode({ id: 2, options: PAPER });
    node.core.step(snapshotRequest({ from: 1, to: 2, term: 1, at: at(1, 5) }));
    const task = nextAppend(node);
    node.core.step(voteRequest({ from: 3, to: 2, term: 2, last: at(1, 5) }));
    finish(node, task);
    expect(node.core.status()).toMatchObject({ appliedIndex: 5, firstIndex: 6 });
  });

  test("apply tasks stay within their limit until they are reported done", () => {
    const node = new TestNode({ id: 2, options: { ...PAPER, maxApplyingBytes: 15 } });
    const entries = entriesOf([1, 1, 1, 1, 1]);
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, entries, commit: 5 }));
    finish(node, nextAppend(node));
    const first = node.core.ready().apply;
    expect(first?.entries).toHaveLength(2);
    expect(node.core.hasReady).toBe(false);
    if (first !== undefined) node.core.step(first.response);
    expect(node.core.ready().apply?.entries.map(({ index }) => index)).toEqual([3, 4]);
  });

  test("a change of the commit index alone needs no immediate write", () => {
    const node = new TestNode({ id: 2, term: 1, log: [1], options: PAPER });
    node.core.step(appendRequest({ from: 1, to: 2, term: 1, previous: at(1, 1), commit: 1 }));
    expect(nextAppend(node)).toMatchObject({ mustSync: false, hardState: { commit: 1 } });
  });
});

describe("restart", () => {
  test("a node comes back with term, vote, log and configuration", () => {
    const node = new TestNode({ id: 1, voters: [1, 2, 3], options: PAPER });
    node.step(appendRequest({ from: 2, to: 1, term: 3, entries: entriesOf([1, 3]), commit: 1 }));
    const before = node.core.status();
    node.restart(1);
    expect(node.core.status()).toEqual({ ...before, leader: undefined });
    expect(node.core.hasReady).toBe(false);
  });

  test("it applies again from where its state machine is, and nothing twice (pitfall 12)", () => {
    const node = new TestNode({ id: 1, term: 1, log: [1, 1, 1], commit: 3, options: PAPER });
    node.restart(2);
    node.drain();
    expect(node.applied.map(({ index }) => index)).toEqual([3]);
  });

  test("what was handed out and not stored is gone, and was promised to nobody", () => {
    const node = new TestNode({ id: 1, options: PAPER });
    node.core.step(voteRequest({ from: 2, to: 1, term: 5 }));
    const lost = node.core.ready();
    expect(lost.messages).toEqual([]);
    node.restart(0);
    const sent = node.step(voteRequest({ from: 3, to: 1, term: 5 }));
    expect(sent).toMatchObject([{ type: "vote-response", to: 3, granted: true }]);
  });

  test("a stored commit index beyond the log is refused: acknowledged entries are lost (17)", () => {
    expect(() => new TestNode({ id: 1, log: [1], commit: 2 })).toThrow(
      expect.objectContaining({ code: "RAFT_INVARIANT" }),
    );
  });

  test("a state machine ahead of the log is refused", () => {
    const node = new TestNode({ id: 1, term: 1, log: [1, 1], commit: 1, options: PAPER });
    expect(() => node.restart(2)).toThrow(expect.objectContaining({ code: "RAFT_INVARIANT" }));
  });

  test("a leader that tells of a commit beyond a member's log stops that member (pitfall 17)", () => {
    const node = new TestNode({ id: 2, term: 1, log: [1], options: PAPER });
    expect(() => node.core.step(heartbeat({ from: 1, to: 2, term: 1, commit: 9 }))).toThrow(
      expect.objectContaining({ code: "RAFT_INVARIANT" }),
    );
  });
});
