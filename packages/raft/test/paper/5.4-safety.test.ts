/** Raft paper §5.4: safety. */

import { describe, expect, test } from "vitest";
import { Cluster } from "../support/cluster.js";
import { appendResponse, at, ofType, voteRequest, voteResponse } from "../support/messages.js";
import { PAPER, TestNode } from "../support/test-node.js";

describe("safety (§5.4)", () => {
  test("a request for votes says where the candidate's log ends (§5.4.1)", () => {
    const node = new TestNode({ id: 1, term: 3, log: [1, 1, 2], options: PAPER });
    node.core.campaign();
    const sent = ofType(node.drain(), "vote-request");
    expect(sent).toEqual([2, 3].map((to) => voteRequest({ from: 1, to, term: 4, last: at(2, 3) })));
  });

  // The logs are compared by term first, then by length: neither alone decides (pitfall 5).
  test.each([
    { log: [1], last: at(1, 1), granted: true },
    { log: [1], last: at(1, 2), granted: true },
    { log: [1, 1], last: at(1, 1), granted: false },
    { log: [1], last: at(2, 1), granted: true },
    { log: [1], last: at(2, 2), granted: true },
    { log: [1, 1], last: at(2, 1), granted: true },
    { log: [2], last: at(1, 1), granted: false },
    { log: [2], last: at(1, 2), granted: false },
    { log: [2, 1], last: at(1, 1), granted: false },
    { log: [1, 2], last: at(1, 9), granted: false },
  ])("a voter with log $log answers a candidate ending at $last: $granted (§5.4.1)", (row) => {
    const node = new TestNode({ id: 1, term: 3, log: row.log, options: PAPER });
    const sent = node.step(voteRequest({ from: 2, to: 1, term: 4, last: row.last }));
    expect(sent).toEqual([voteResponse({ from: 1, to: 2, term: 4, granted: row.granted })]);
  });

  test.each([
    { acknowledged: 1, commits: 0 },
    { acknowledged: 2, commits: 0 },
    { acknowledged: 3, commits: 3 },
  ])(
    "a majority that has up to $acknowledged of an inherited log commits $commits (§5.4.2)",
    (row) => {
      const node = new TestNode({ id: 1, term: 2, log: [1, 2], options: PAPER });
      node.becomeLeader();
      node.step(appendResponse({ from: 2, to: 1, term: 3, index: row.acknowledged }));
      expect(node.core.status().commitIndex).toBe(row.commits);
    },
  );

  test("what was committed is in the log of every later leader, as in figure 8", () => {
    const cluster = Cluster.of(5, PAPER);
    cluster.campaign(1);
    cluster.propose(1, "committed");
    cluster.isolate(1);
    cluster.isolate(2);
    // Neither of the cut-off nodes can win or lose anything for the others.
    cluster.campaign(3);
    cluster.propose(3, "later");
    cluster.heal();
    cluster.campaign(1);
    cluster.campaign(1);
    cluster.tickAll(3);
    for (const id of [1, 2, 3, 4, 5]) {
      expect(cluster.node(id).appliedTexts()).toEqual(["committed", "later"]);
    }
  });

  test("an entry that only a minority has is overwritten, and never applied", () => {
    const cluster = Cluster.of(5, PAPER);
    cluster.campaign(1);
    for (const id of [3, 4, 5]) cluster.cut(1, id);
    cluster.propose(1, "lost");
    cluster.heal();
    cluster.isolate(1);
    cluster.isolate(2);
    cluster.campaign(3);
    cluster.propose(3, "kept");
    cluster.heal();
    cluster.tick(3, 2);
    for (const node of cluster.nodes.values()) expect(node.appliedTexts()).toEqual(["kept"]);
  });
});
