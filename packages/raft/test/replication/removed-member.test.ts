/** What still comes to a host that has removed a group, and waits to be added to it again. */

import { describe, expect, test } from "vitest";
import { appendRequest, at, heartbeat } from "../support/messages.js";
import { entriesOf, TestNode } from "../support/test-node.js";

function forgetful(): TestNode {
  return new TestNode({ id: 3, voters: [], term: 4 });
}

describe("a host that has forgotten a group", () => {
  test("is told of nothing committed by a heartbeat to the member that it was", () => {
    const node = forgetful();
    expect(() => node.step(heartbeat({ from: 1, to: 3, term: 4, commit: 20 }))).not.toThrow();
    expect(node.core.status()).toMatchObject({ commitIndex: 0, lastIndex: 0, term: 4 });
  });

  test("has nothing that entries for that member could follow", () => {
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
