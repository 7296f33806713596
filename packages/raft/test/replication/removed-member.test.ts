/** A host that has removed a group, and waits to be added to it again. */

import { describe, expect, test } from "vitest";
import { EMPTY_CONFIG_STATE } from "../../src/core/configuration.js";
import { foundingSnapshot, toLogIndex } from "../../src/core/index.js";
import { appendRequest, at, heartbeat, voteRequest } from "../support/messages.js";
import { bytes, entriesOf, TestNode } from "../support/test-node.js";

const REMOVED = { ...EMPTY_CONFIG_STATE, changedAt: toLogIndex(1) };

function forgetful(): TestNode {
  return new TestNode({ id: 3, config: REMOVED, term: 4 });
}

describe("what was meant for the member that it was", () => {
  test("a heartbeat commits nothing of its empty log", () => {
    const node = forgetful();
    expect(() => node.step(heartbeat({ from: 1, to: 3, term: 4, commit: 20 }))).not.toThrow();
    expect(node.core.status()).toMatchObject({ commitIndex: 0, lastIndex: 0, term: 4 });
  });

  test("entries have nothing that they could follow", () => {
    const node = forgetful();
    const entries = entriesOf([4], 21);
    const late = appendRequest({
      from: 1,
      to: 3,
      term: 4,
      previous: at(4, 20),
      entries,
      commit: 20,
    });
    expect(node.step(late)).toMatchObject([
      { type: "append-response", rejectedHint: { index: 0 } },
    ]);
    expect(node.core.status()).toMatchObject({ commitIndex: 0, lastIndex: 0 });
  });
});

/**
 * Who has missed its own removal still counts the old voters. With the vote of one that has forgotten
 * its log it would lead without what they had committed together.
 */
describe("its vote", () => {
  const request = voteRequest({ from: 2, to: 3, term: 5, last: at(1, 1) });

  test.each([false, true])(
    "is refused, as it has forgotten its log (pre-vote: %s)",
    (isPreVote) => {
      const node = forgetful();
      const sent = node.step({ ...request, type: isPreVote ? "pre-vote-request" : "vote-request" });
      expect(sent).toMatchObject([{ granted: false }]);
    },
  );

  test("is given again once a leader has told it what there is", () => {
    const node = forgetful();
    const snapshot = foundingSnapshot({ voters: [1, 2, 3] }, bytes("state"));
    const { from, to } = { from: request.from, to: request.to };
    node.step({ type: "snapshot-request", from, to, term: request.term, snapshot });
    const next = voteRequest({ from: 2, to: 3, term: 6, last: at(1, 1), isTransfer: true });
    expect(node.step(next)).toMatchObject([{ granted: true }]);
  });

  test("is given by one that was never a member: it may be a voter without knowing it", () => {
    const node = new TestNode({ id: 3, voters: [], term: 4, config: EMPTY_CONFIG_STATE });
    expect(node.step(request)).toMatchObject([{ granted: true }]);
  });
});
