/** Raft paper §5.3: log replication. */

import { describe, expect, test } from "vitest";
import { toLogIndex } from "../../src/core/index.js";
import { Cluster } from "../support/cluster.js";
import { appendRequest, appendResponse, at, ofType } from "../support/messages.js";
import { bytes, entriesOf, PAPER, TestNode } from "../support/test-node.js";

/** A leader at term 1 whose empty first entry everyone has. */
function leaderOf(size: number): TestNode {
  const voters = Array.from({ length: size }, (_, i) => i + 1);
  const node = new TestNode({ id: 1, voters, options: PAPER });
  node.becomeLeader();
  for (const from of voters.slice(1)) node.step(appendResponse({ from, to: 1, term: 1, index: 1 }));
  expect(node.core.status().commitIndex).toBe(1);
  return node;
}

describe("replication (§5.3)", () => {
  test("a leader appends a proposal and sends it to all in parallel", () => {
    const node = leaderOf(3);
    const sent = ofType(node.propose("x"), "append-request");
    const entry = { term: 1, index: 2, type: "normal", data: bytes("x") };
    expect(sent).toMatchObject(
      [2, 3].map((to) => ({ to, term: 1, previous: at(1, 1), entries: [entry], commit: 1 })),
    );
    expect(node.logTerms()).toEqual([1, 1]);
  });

  test("an entry is committed, and applied, once a majority has it", () => {
    const node = leaderOf(3);
    node.propose("x");
    expect(node.core.status().commitIndex).toBe(1);
    const sent = node.step(appendResponse({ from: 2, to: 1, term: 1, index: 2 }));
    expect(node.core.status().commitIndex).toBe(2);
    expect(node.appliedTexts()).toEqual(["x"]);
    expect(ofType(sent, "append-request").every((message) => message.commit === 2)).toBe(true);
  });

  test.each([
    { size: 1, acks: [], commits: true },
    { size: 3, acks: [], commits: false },
    { size: 3, acks: [2], commits: true },
    { size: 5, acks: [2], commits: false },
    { size: 5, acks: [2, 4], commits: true },
    { size: 5, acks: [2, 2, 2], commits: false },
  ])("of $size members, acknowledged by $acks: commits $commits", ({ size, acks, commits }) => {
    const node = leaderOf(size);
    node.propose("x");
    for (const from of acks) node.step(appendResponse({ from, to: 1, term: 1, index: 2 }));
    expect(node.core.status().commitIndex).toBe(commits ? 2 : 1);
  });

  test.each([[[]], [[2]], [[1, 2]], [[1]]])(
    "committing an entry of the leader's term commits what precedes it: log %j",
    (log) => {
      const cluster = Cluster.of(3, PAPER, log);
      cluster.node(1).storage.setHardState({
        term: 2 as never,
        vote: undefined,
        commit: toLogIndex(0),
      });
      cluster.node(1).restart(0);
      cluster.campaign(1);
      cluster.propose(1, "x");
      for (const node of cluster.nodes.values()) {
        expect(node.applied.map(({ term }) => term)).toEqual([...log, 3, 3]);
      }
    },
  );

  test("a follower applies what it learns to be committed, in order", () => {
    const node = new TestNode({ id: 2, term: 1, options: PAPER });
    const entries = entriesOf([1, 1, 1]);
    node.step(appendRequest({ from: 1, to: 2, term: 1, entries, commit: 2 }));
    expect(node.applied.map(({ index }) => index)).toEqual([1, 2]);
    node.step(appendRequest({ from: 1, to: 2, term: 1, previous: at(1, 3), commit: 3 }));
    expect(node.applied.map(({ index }) => index)).toEqual([1, 2, 3]);
  });

  test("a follower never commits beyond what it knows to match (pitfall 4)", () => {
    const node = new TestNode({ id: 2, term: 2, log: [1, 1, 1, 1], options: PAPER });
    node.step(appendRequest({ from: 1, to: 2, term: 2, previous: at(1, 1), commit: 4 }));
    expect(node.core.status().commitIndex).toBe(1);
    const entries = entriesOf([1], 2);
    node.step(appendRequest({ from: 1, to: 2, term: 2, previous: at(1, 1), entries, commit: 4 }));
    expect(node.core.status().commitIndex).toBe(2);
  });

  test.each([
    { previous: at(1, 1), answer: { index: 1 } },
    { previous: at(2, 2), answer: { index: 2 } },
    { previous: at(1, 2), answer: { index: 2, rejectedHint: at(1, 1) } },
    { previous: at(4, 2), answer: { index: 2, rejectedHint: at(2, 2) } },
    { previous: at(3, 3), answer: { index: 3, rejectedHint: at(2, 2) } },
  ])("a follower with log [1 2] answers an append after $previous", ({ previous, answer }) => {
    const node = new TestNode({ id: 2, term: 4, log: [1, 2], options: PAPER });
    const sent = node.step(appendRequest({ from: 1, to: 2, term: 4, previous }));
    expect(sent).toMatchObject([{ type: "append-response", to: 1, term: 4, ...answer }]);
    if (!("rejectedHint" in answer)) expect(sent[0]).not.toHaveProperty("rejectedHint");
  });

  test.each([
    { log: [1, 2], previous: at(2, 2), news: [3], first: 3, after: [1, 2, 3] },
    { log: [1, 2], previous: at(1, 1), news: [3, 4], first: 2, after: [1, 3, 4] },
    { log: [1, 2], previous: at(0, 0), news: [1], first: 1, after: [1, 2] },
    { log: [1, 2], previous: at(0, 0), news: [3], first: 1, after: [3] },
    { log: [1, 1, 2, 2], previous: at(1, 1), news: [1], first: 2, after: [1, 1, 2, 2] },
  ])(
    "log $log after appending $news at $first: $after",
    ({ log, previous, news, first, after }) => {
      const node = new TestNode({ id: 2, term: 4, log, options: PAPER });
      const entries = entriesOf(news, first);
      node.step(appendRequest({ from: 1, to: 2, term: 4, previous, entries }));
      expect(node.logTerms()).toEqual(after);
    },
  );

  test("a delayed append that the log already holds cuts nothing off (pitfall 4)", () => {
    const node = new TestNode({ id: 2, term: 1, options: PAPER });
    const entries = entriesOf([1, 1, 1]);
    node.step(appendRequest({ from: 1, to: 2, term: 1, entries }));
    node.step(appendRequest({ from: 1, to: 2, term: 1, entries: entries.slice(0, 1) }));
    expect(node.logTerms()).toEqual([1, 1, 1]);
  });

  const LEADER = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  test.each([
    [[1, 1, 1, 4, 4, 5, 5, 6, 6]],
    [[1, 1, 1, 4]],
    [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    [[1, 1, 1, 4, 4, 4, 4]],
    [[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
    [[]],
  ])("a leader brings the follower %j of figure 7 to its own log", (log) => {
    const voters = [1, 2, 3];
    const cluster = new Cluster([
      { id: 1, voters, options: PAPER, log: LEADER, term: 8 },
      { id: 2, voters, options: PAPER, log, term: 8 },
      // A silent third whose vote elects the first.
      { id: 3, voters, options: PAPER, log: LEADER, term: 8 },
    ]);
    cluster.campaign(1);
    cluster.propose(1, "x");
    expect(cluster.node(2).logTerms()).toEqual([...LEADER, 9, 9]);
  });
});
