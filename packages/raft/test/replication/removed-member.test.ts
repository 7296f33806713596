/** A host that has removed a group, and waits to be added to it again. */

import { describe, expect, test } from "vitest";
import { EMPTY_CONFIG_STATE } from "../../src/core/configuration.js";
import { foundingSnapshot, toNodeId, toTerm } from "../../src/core/index.js";
import { appendRequest, at, heartbeat, voteRequest } from "../support/messages.js";
import { bytes, entriesOf, TestNode } from "../support/test-node.js";

function forgetful(): TestNode {
  return new TestNode({ id: 3, config: EMPTY_CONFIG_STATE, term: 4, forgotten: [4, 20] });
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
  const { to } = request;

  function tell(node: TestNode, term: number, position: ReturnType<typeof at>): void {
    const founding = foundingSnapshot({ voters: [1, 2, 3] }, bytes("state"));
    const meta = { ...founding.meta, ...position };
    node.step({
      type: "snapshot-request",
      from: toNodeId(1),
      to,
      term: toTerm(term),
      snapshot: { ...founding, meta },
    });
  }

  function vote(node: TestNode, term: number, last: ReturnType<typeof at>): boolean {
    const asked = voteRequest({ from: 2, to: 3, term, last, isTransfer: true });
    const [answer] = node.step(asked);
    return answer?.type === "vote-response" && answer.granted;
  }

  test.each([false, true])(
    "is refused, as it has forgotten its log (pre-vote: %s)",
    (isPreVote) => {
      const node = forgetful();
      const sent = node.step({ ...request, type: isPreVote ? "pre-vote-request" : "vote-request" });
      expect(sent).toMatchObject([{ granted: false }]);
    },
  );

  test("is refused as long as its log is worse than the one that it has forgotten, also after a restart", () => {
    const node = forgetful();
    tell(node, 5, at(1, 1));
    expect(node.core.status().config.voters).toEqual([1, 2, 3]);
    expect(vote(node, 6, at(1, 1))).toBe(false);
    node.restart();
    expect(vote(node, 7, at(4, 20))).toBe(false);
    tell(node, 7, at(4, 19));
    expect(vote(node, 8, at(4, 20))).toBe(false);
  });

  test("is given again once its log is as good", () => {
    const node = forgetful();
    tell(node, 5, at(4, 20));
    expect(vote(node, 6, at(4, 20))).toBe(true);
  });

  test("is given again where a later leader had a shorter log", () => {
    const node = forgetful();
    tell(node, 5, at(5, 12));
    expect(vote(node, 6, at(5, 12))).toBe(true);
  });

  test("is not given to itself either", () => {
    const node = forgetful();
    tell(node, 5, at(1, 1));
    node.tick(1000);
    expect(node.core.status()).toMatchObject({ role: "follower", term: 5 });
    tell(node, 5, at(4, 20));
    node.tick(1000);
    expect(node.core.status().role).not.toBe("follower");
  });

  test("is given by one that was never a member: it may be a voter without knowing it", () => {
    const node = new TestNode({ id: 3, voters: [], term: 4, config: EMPTY_CONFIG_STATE });
    expect(node.step(request)).toMatchObject([{ granted: true }]);
  });
});
