/** Raft paper §5.1: terms and roles. */

import { describe, expect, test } from "vitest";
import type { Role } from "../../src/core/index.js";
import { appendRequest, at, heartbeat, ofType, voteRequest } from "../support/messages.js";
import { PAPER, TestNode } from "../support/test-node.js";

function nodeIn(role: Role): TestNode {
  const node = new TestNode({ id: 1, term: 1, options: PAPER });
  if (role === "candidate") node.core.campaign();
  if (role === "leader") node.becomeLeader();
  node.drain();
  expect(node.core.status().role).toBe(role);
  return node;
}

describe("terms (§5.1)", () => {
  for (const role of ["follower", "candidate", "leader"] as const) {
    test(`a ${role} that hears of a later term adopts it and follows`, () => {
      const node = nodeIn(role);
      node.step(appendRequest({ from: 2, to: 1, term: 5 }));
      expect(node.core.status()).toMatchObject({ role: "follower", term: 5, leader: 2 });
    });
  }

  test("a node without the extensions ignores a message of an earlier term", () => {
    const node = new TestNode({ id: 1, term: 3, options: PAPER });
    const before = node.core.status();
    const sent = node.step(appendRequest({ from: 2, to: 1, term: 2, entries: [] }));
    expect(sent).toEqual([]);
    expect(node.core.status()).toEqual(before);
  });

  test("a node starts as a follower, whatever term it stored", () => {
    const node = new TestNode({ id: 1, term: 7, vote: 2, options: PAPER });
    expect(node.core.status()).toMatchObject({ role: "follower", term: 7, vote: 2 });
    expect(node.core.status().leader).toBeUndefined();
  });

  test("an equal term changes nothing but the leader", () => {
    const node = new TestNode({ id: 1, term: 4, options: PAPER });
    node.step(heartbeat({ from: 3, to: 1, term: 4 }));
    expect(node.core.status()).toMatchObject({ term: 4, leader: 3, role: "follower" });
  });

  test("a later term clears the vote; the same term never does", () => {
    const node = new TestNode({ id: 1, term: 4, vote: 2, options: PAPER });
    node.step(heartbeat({ from: 3, to: 1, term: 4 }));
    expect(node.core.status().vote).toBe(2);
    const sent = node.step(voteRequest({ from: 3, to: 1, term: 5, last: at(0, 0) }));
    expect(ofType(sent, "vote-response")).toMatchObject([{ granted: true, term: 5 }]);
    expect(node.core.status().vote).toBe(3);
  });

  test("a candidate that steps down within its term keeps its own vote (pitfall 1)", () => {
    const node = nodeIn("candidate");
    const { term } = node.core.status();
    node.step(heartbeat({ from: 2, to: 1, term }));
    expect(node.core.status()).toMatchObject({ role: "follower", vote: 1, term });
    const sent = node.step(voteRequest({ from: 3, to: 1, term, last: at(9, 9) }));
    expect(ofType(sent, "vote-response")).toMatchObject([{ granted: false }]);
  });
});
