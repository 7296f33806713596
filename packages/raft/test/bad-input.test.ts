/** Messages that no correct peer sends: refused, counted by the host, and without effect. */

import { describe, expect, test } from "vitest";
import type { PeerMessage } from "../src/core/index.js";
import {
  appendRequest,
  appendResponse,
  at,
  heartbeat,
  heartbeatResponse,
  snapshotRequest,
  voteRequest,
} from "./support/messages.js";
import { entriesOf, PAPER, TestNode } from "./support/test-node.js";

function follower(): TestNode {
  return new TestNode({ id: 1, term: 2, log: [1, 2], options: PAPER });
}

const HOLE = [...entriesOf([2], 3), ...entriesOf([2], 5)];

/** Overrides fields with what the types would not let through. */
function broken(message: PeerMessage, fields: Readonly<Record<string, unknown>>): PeerMessage {
  return { ...message, ...fields };
}

const beat = heartbeat({ from: 2, to: 1, term: 2 });

const CASES: Readonly<Record<string, PeerMessage>> = {
  "for another node": broken(beat, { to: 3 }),
  "from nobody": broken(beat, { from: 0 }),
  "of an unknown type": broken(beat, { type: "make-coffee" }),
  "with a fractional term": broken(beat, { term: 2.5 }),
  "with a negative term": broken(beat, { term: -1 }),
  "with a term beyond safe integers": broken(beat, { term: 2 ** 53 }),
  "with a term that leaves no room for an election": broken(beat, { term: 2 ** 53 - 1 }),
  "with a commit index at the edge of numbers": broken(beat, { commit: 2 ** 53 - 1 }),
  "with entries of an unknown type": appendRequest({
    from: 2,
    to: 1,
    term: 2,
    previous: at(2, 2),
    entries: entriesOf([2], 3).map((entry) => ({ ...entry, type: "poem" as never })),
  }),
  "with a proposal of an unknown type": broken(beat, {
    type: "propose-request",
    entries: [{ type: "poem", data: new Uint8Array(1) }],
  }),
  "with a term that is no number": broken(beat, { term: "9" }),
  "with a commit index that is no index": broken(beat, { commit: Number.NaN }),
  "with a read position that is none": broken(beat, { readPosition: -3 }),
  "with entries that leave a hole": appendRequest({
    from: 2,
    to: 1,
    term: 2,
    previous: at(2, 2),
    entries: HOLE,
  }),
  "with entries not after the previous": appendRequest({
    from: 2,
    to: 1,
    term: 2,
    previous: at(2, 2),
    entries: entriesOf([2], 9),
  }),
  "with entries of falling terms": appendRequest({
    from: 2,
    to: 1,
    term: 2,
    previous: at(2, 2),
    entries: entriesOf([2, 1], 3),
  }),
  "with entries of a later term": appendRequest({
    from: 2,
    to: 1,
    term: 2,
    previous: at(2, 2),
    entries: entriesOf([3], 3),
  }),
  "with a previous entry of a later term": appendRequest({
    from: 2,
    to: 1,
    term: 2,
    previous: at(3, 2),
  }),
  "with an empty snapshot": snapshotRequest({ from: 2, to: 1, term: 2, at: at(0, 0) }),
  "with an impossible answer": broken(appendResponse({ from: 2, to: 1, term: 2, index: 1 }), {
    index: -1,
  }),
  "with an impossible confirmation": broken(heartbeatResponse({ from: 2, to: 1, term: 2 }), {
    readPosition: 0.5,
  }),
  "with an impossible log end": broken(voteRequest({ from: 2, to: 1, term: 3 }), {
    last: { term: 1, index: -7 },
  }),
  "with an impossible priority": broken(voteRequest({ from: 2, to: 1, term: 3 }), {
    priority: Number.NaN,
  }),
};

describe("a message", () => {
  for (const [what, message] of Object.entries(CASES)) {
    test(`${what} is refused, and changes nothing`, () => {
      const node = follower();
      const before = node.core.status();
      expect(node.core.step(message)).toBe("RAFT_BAD_MESSAGE");
      expect(node.core.status()).toEqual(before);
      expect(node.core.hasReady).toBe(false);
    });
  }

  test("that acknowledges what the leader does not have is refused, and commits nothing", () => {
    const node = new TestNode({ id: 1, options: PAPER });
    node.becomeLeader();
    const absurd = appendResponse({ from: 2, to: 1, term: 1, index: 99 });
    expect(node.core.step(absurd)).toBe("RAFT_BAD_MESSAGE");
    expect(node.core.status().members[1]?.match).toBe(0);
    node.step(appendResponse({ from: 2, to: 1, term: 1, index: 1 }));
    expect(node.core.commitIndex).toBe(1);
  });

  test("from a second leader of the same term stops the node that sees it (pitfall 1)", () => {
    const node = follower();
    node.step(beat);
    expect(() => node.core.step(heartbeat({ from: 3, to: 1, term: 2 }))).toThrow(
      expect.objectContaining({ code: "RAFT_INVARIANT" }),
    );
  });
});

describe("settings", () => {
  test("an applied index that is none is refused with a RangeError", () => {
    expect(() => follower().restart(-1)).toThrow(RangeError);
  });

  test.each([
    { id: 0 },
    { id: -1 },
    { id: 1.5 },
    { id: 1, options: { electionTicks: 1, heartbeatTicks: 1 } },
    { id: 1, options: { heartbeatTicks: 0 } },
    { id: 1, options: { maxInflightMessages: 0 } },
    { id: 1, options: { maxInflightBytes: 10, maxAppendBytes: 20 } },
    { id: 1, options: { maxUncommittedBytes: 0 } },
    { id: 1, options: { maxEntryBytes: -1 } },
    { id: 1, options: { priority: 0.1 } },
  ])("%j are refused with a RangeError", (init) => {
    expect(() => new TestNode(init)).toThrow(RangeError);
  });
});
