/** What is committed travels with elections: who may believe it, and what it ends. */

import { describe, expect, test } from "vitest";
import { type Entry, encodeConfigChange, parseMemberChanges } from "../../src/core/index.js";
import { appendRequest, at, ofType, voteRequest, voteResponse } from "../support/messages.js";
import { bytes, entriesOf, PAPER, TestNode } from "../support/test-node.js";

const SHARE = { ...PAPER, shareCommitInElections: true };

describe("commits told in elections", () => {
  test("a candidate says what it knows, and so does who refuses it", () => {
    const node = new TestNode({ id: 1, term: 1, log: [1, 1], commit: 1, options: SHARE });
    const refused = node.step(voteRequest({ from: 2, to: 1, term: 2, last: at(1, 1) }));
    expect(refused).toMatchObject([{ granted: false, committed: at(1, 1) }]);
    node.core.campaign();
    const asked = ofType(node.drain(), "vote-request");
    expect(asked.map(({ committed }) => committed)).toEqual([at(1, 1), at(1, 1)]);
  });

  test.each([
    { committed: at(1, 2), after: 2 },
    { committed: at(2, 2), after: 0 },
    { committed: at(1, 9), after: 0 },
  ])("a log of [1 1 1] believes $committed: commit $after", ({ committed, after }) => {
    const node = new TestNode({ id: 1, term: 1, log: [1, 1, 1], options: SHARE });
    node.step({ ...voteRequest({ from: 2, to: 1, term: 2 }), committed });
    expect(node.core.commitIndex).toBe(after);
  });

  test("a campaign ends where it learns of a configuration change", () => {
    const node = new TestNode({ id: 1, term: 1, options: SHARE });
    const change = encodeConfigChange({ transition: "auto", changes: parseMemberChanges("v4") });
    const entries: Entry[] = [
      ...entriesOf([1]),
      { ...at(1, 2), ...change },
      { ...at(1, 3), type: "normal", data: bytes("x") },
    ];
    node.step(appendRequest({ from: 2, to: 1, term: 1, entries, commit: 1 }));
    node.core.campaign();
    node.drain();
    const refusal = voteResponse({ from: 2, to: 1, term: 2, granted: false });
    node.core.step({ ...refusal, committed: at(1, 2) });
    expect(node.core.status()).toMatchObject({ role: "follower", term: 2, commitIndex: 2 });
    node.drain();
    expect(node.config.voters).toEqual([1, 2, 3, 4]);
  });

  test("a campaign goes on where it learns of nothing that matters to it", () => {
    const node = new TestNode({ id: 1, term: 1, log: [1, 1], options: SHARE });
    node.core.campaign();
    node.drain();
    const refusal = voteResponse({ from: 2, to: 1, term: 2, granted: false });
    node.step({ ...refusal, committed: at(1, 2) });
    expect(node.core.status()).toMatchObject({ role: "candidate", commitIndex: 2 });
  });

  test("an impossible position is refused", () => {
    const node = new TestNode({ id: 1, term: 1, options: SHARE });
    const request = voteRequest({ from: 2, to: 1, term: 2 });
    const committed = { term: -1, index: 0.5 } as never;
    expect(node.core.step({ ...request, committed })).toBe("RAFT_BAD_MESSAGE");
  });
});
