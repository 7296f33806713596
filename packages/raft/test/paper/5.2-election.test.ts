/** Raft paper §5.2: leader election. */

import { describe, expect, test } from "vitest";
import { toNodeId } from "../../src/core/index.js";
import { heartbeat, ofType, voteRequest, voteResponse } from "../support/messages.js";
import { seededRandom } from "../support/seeded-random.js";
import { PAPER, TestNode } from "../support/test-node.js";

const ELECTION_TICKS = 10;
const options = { ...PAPER, electionTicks: ELECTION_TICKS };

describe("election (§5.2)", () => {
  test("a leader sends heartbeats to all others at every heartbeat interval", () => {
    const node = new TestNode({ id: 1, options: { ...options, heartbeatTicks: 3 } });
    node.becomeLeader();
    expect(ofType(node.tick(2), "heartbeat-request")).toEqual([]);
    const sent = ofType(node.tick(), "heartbeat-request");
    expect(sent.map((message) => message.to)).toEqual([2, 3]);
    expect(sent.every((message) => message.term === 1)).toBe(true);
  });

  for (const role of ["follower", "candidate"] as const) {
    test(`a ${role} that hears no leader for its timeout campaigns in the next term`, () => {
      const node = new TestNode({ id: 1, term: 1, options });
      if (role === "candidate") {
        node.core.campaign();
        node.drain();
      }
      const { term } = node.core.status();
      node.core.setElectionTimeout(ELECTION_TICKS);
      expect(node.tick(ELECTION_TICKS - 1)).toEqual([]);
      const sent = ofType(node.tick(), "vote-request");
      expect(sent.map(({ to, term }) => ({ to, term }))).toEqual([
        { to: 2, term: term + 1 },
        { to: 3, term: term + 1 },
      ]);
      expect(node.core.status()).toMatchObject({ role: "candidate", vote: 1, term: term + 1 });
    });
  }

  test.each([
    { size: 1, granting: [], refusing: [], role: "leader" },
    { size: 3, granting: [2], refusing: [], role: "leader" },
    { size: 3, granting: [2], refusing: [3], role: "leader" },
    { size: 3, granting: [], refusing: [2, 3], role: "follower" },
    { size: 3, granting: [], refusing: [2], role: "candidate" },
    { size: 5, granting: [2, 3], refusing: [4, 5], role: "leader" },
    { size: 5, granting: [2], refusing: [3, 4, 5], role: "follower" },
    { size: 5, granting: [2], refusing: [3, 4], role: "candidate" },
  ] as const)("of $size voters, grants $granting and refusals $refusing: $role", (row) => {
    const voters = Array.from({ length: row.size }, (_, i) => i + 1);
    const node = new TestNode({ id: 1, voters, options });
    node.core.campaign();
    node.drain();
    for (const from of row.granting)
      node.step(voteResponse({ from, to: 1, term: 1, granted: true }));
    for (const from of row.refusing)
      node.step(voteResponse({ from, to: 1, term: 1, granted: false }));
    expect(node.core.status()).toMatchObject({ role: row.role, term: 1 });
  });

  test("votes are counted once per voter", () => {
    const node = new TestNode({ id: 1, voters: [1, 2, 3, 4, 5], options });
    node.core.campaign();
    node.drain();
    for (let i = 0; i < 3; i += 1)
      node.step(voteResponse({ from: 2, to: 1, term: 1, granted: true }));
    expect(node.core.status().role).toBe("candidate");
    node.step(voteResponse({ from: 2, to: 1, term: 1, granted: false }));
    node.step(voteResponse({ from: 3, to: 1, term: 1, granted: true }));
    expect(node.core.status().role).toBe("leader");
  });

  test("a voter grants one vote per term, first come first served", () => {
    const node = new TestNode({ id: 1, term: 4, options });
    const first = node.step(voteRequest({ from: 2, to: 1, term: 5 }));
    const second = node.step(voteRequest({ from: 3, to: 1, term: 5 }));
    const again = node.step(voteRequest({ from: 2, to: 1, term: 5 }));
    expect(first).toEqual([voteResponse({ from: 1, to: 2, term: 5, granted: true })]);
    expect(second).toEqual([voteResponse({ from: 1, to: 3, term: 5, granted: false })]);
    expect(again).toEqual([voteResponse({ from: 1, to: 2, term: 5, granted: true })]);
  });

  test("a vote survives a crash, as it is stored before it is sent (pitfall 1)", () => {
    const node = new TestNode({ id: 1, term: 4, options });
    node.step(voteRequest({ from: 2, to: 1, term: 5 }));
    node.restart(0);
    const sent = node.step(voteRequest({ from: 3, to: 1, term: 5 }));
    expect(sent).toEqual([voteResponse({ from: 1, to: 3, term: 5, granted: false })]);
  });

  test.each([1, 2])("a candidate that hears a leader of term + %i - 1 gives up", (ahead) => {
    const node = new TestNode({ id: 1, options });
    node.core.campaign();
    node.drain();
    node.step(heartbeat({ from: 2, to: 1, term: ahead }));
    expect(node.core.status()).toMatchObject({ role: "follower", term: ahead, leader: 2 });
  });

  for (const role of ["follower", "candidate"] as const) {
    test(`timeouts of a ${role} take every value in [n, 2n)`, () => {
      const seen = new Set<number>();
      const node = new TestNode({ id: 1, options, random: seededRandom(7) });
      for (let i = 0; i < 1000; i += 1) {
        if (role === "candidate") node.core.campaign();
        else node.step(heartbeat({ from: 2, to: 1, term: node.core.status().term + 1 }));
        node.drain();
        seen.add(node.core.electionTimeout);
      }
      expect([...seen].sort((a, b) => a - b)).toEqual(
        Array.from({ length: ELECTION_TICKS }, (_, i) => ELECTION_TICKS + i),
      );
    });

    test(`few of five ${role}s time out at the same tick`, () => {
      const random = seededRandom(11);
      let conflicts = 0;
      for (let round = 0; round < 1000; round += 1) {
        const timeouts = [1, 2, 3, 4, 5].map((id) => {
          const node = new TestNode({ id, voters: [1, 2, 3, 4, 5], options, random });
          if (role === "candidate") node.core.campaign();
          return node.core.electionTimeout;
        });
        const [first, second] = timeouts.sort((a, b) => a - b);
        if (first === second) conflicts += 1;
      }
      // Expected: 1 − Σ 5·(1/10)·(k/10)^4 over k = 0…9, a little under a quarter.
      expect(conflicts / 1000).toBeLessThan(0.3);
    });
  }

  test("a node outside its configuration does not campaign", () => {
    const node = new TestNode({ id: 4, options });
    expect(node.tick(100)).toEqual([]);
    node.core.campaign();
    expect(node.core.status()).toMatchObject({ role: "follower", term: 0 });
  });

  test("a leader begins its term with an empty entry (pitfall 3)", () => {
    const node = new TestNode({ id: 1, options, log: [1, 1], term: 1 });
    const sent = ofType(node.becomeLeader(), "append-request");
    expect(sent.map(({ to, entries }) => ({ to, terms: entries.map(({ term }) => term) }))).toEqual(
      [
        { to: 2, terms: [2] },
        { to: 3, terms: [2] },
      ],
    );
    expect(sent[0]?.from).toBe(toNodeId(1));
    expect(node.logTerms()).toEqual([1, 1, 2]);
  });
});
