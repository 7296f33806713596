import { describe, expect, test } from "vitest";
import { toLogIndex } from "./ids.js";
import { Progress } from "./progress.js";

function progress(init: { match?: number; next?: number; state?: Progress["state"] }): Progress {
  const one = new Progress({
    next: toLogIndex(init.next ?? 1),
    isLearner: false,
    recentActive: true,
    maxInflightMessages: 256,
    maxInflightBytes: Number.POSITIVE_INFINITY,
  });
  one.match = toLogIndex(init.match ?? 0);
  one.state = init.state ?? "probe";
  return one;
}

describe("progress", () => {
  test("probing goes on from what is sure, or from behind a snapshot that was sent", () => {
    const replicating = progress({ match: 1, next: 5, state: "replicate" });
    replicating.becomeProbe();
    expect(replicating).toMatchObject({ state: "probe", match: 1, next: 2 });

    const snapshotting = progress({ match: 1, next: 5 });
    snapshotting.becomeSnapshot(toLogIndex(10));
    snapshotting.becomeProbe();
    expect(snapshotting).toMatchObject({ state: "probe", next: 11, pendingSnapshot: 0 });

    const failed = progress({ match: 1, next: 5 });
    failed.becomeSnapshot(toLogIndex(10));
    failed.pendingSnapshot = toLogIndex(0);
    failed.becomeProbe();
    expect(failed.next).toBe(2);
  });

  test("a snapshot under way pauses", () => {
    const one = progress({ match: 1, next: 5 });
    one.becomeSnapshot(toLogIndex(10));
    expect(one).toMatchObject({ state: "snapshot", pendingSnapshot: 10, next: 11, isPaused: true });
  });

  test.each([
    { index: 2, isNew: false, match: 3, next: 5 },
    { index: 3, isNew: false, match: 3, next: 5 },
    { index: 4, isNew: true, match: 4, next: 5 },
    { index: 6, isNew: true, match: 6, next: 7 },
  ])("acknowledged up to $index: $isNew", ({ index, isNew, match, next }) => {
    const one = progress({ match: 3, next: 5 });
    expect(one.maybeUpdate(toLogIndex(index))).toBe(isNew);
    expect(one).toMatchObject({ match, next });
  });

  test.each([
    { state: "replicate", match: 5, next: 10, rejected: 5, hint: 5, decreased: false, to: 10 },
    { state: "replicate", match: 5, next: 10, rejected: 4, hint: 4, decreased: false, to: 10 },
    { state: "replicate", match: 5, next: 10, rejected: 9, hint: 9, decreased: true, to: 6 },
    { state: "probe", match: 0, next: 0 + 5, rejected: 3, hint: 3, decreased: false, to: 5 },
    { state: "probe", match: 0, next: 10, rejected: 9, hint: 9, decreased: true, to: 9 },
    { state: "probe", match: 0, next: 10, rejected: 9, hint: 2, decreased: true, to: 3 },
    { state: "probe", match: 0, next: 10, rejected: 9, hint: 0, decreased: true, to: 1 },
    { state: "probe", match: 4, next: 10, rejected: 9, hint: 2, decreased: true, to: 5 },
  ] as const)("in $state, $rejected refused with hint $hint: next $to", (row) => {
    const one = progress({ match: row.match, next: row.next, state: row.state });
    one.isFlowPaused = true;
    expect(one.maybeDecrease(toLogIndex(row.rejected), toLogIndex(row.hint))).toBe(row.decreased);
    expect(one.next).toBe(row.to);
    if (row.decreased && row.state === "probe") expect(one.isPaused).toBe(false);
  });

  test("a follower is told of a commit once, and again when what was under way is lost", () => {
    const one = progress({ match: 3, next: 6, state: "replicate" });
    expect(one.canBumpCommit(toLogIndex(4))).toBe(true);
    one.sentCommitIndex(toLogIndex(4));
    expect(one.canBumpCommit(toLogIndex(4))).toBe(false);
    expect(one.canBumpCommit(toLogIndex(5))).toBe(true);
    one.sentCommitIndex(toLogIndex(9));
    // It has entries up to 5 at most, so no later index could let it commit more.
    expect(one.canBumpCommit(toLogIndex(12))).toBe(false);
    one.becomeProbe();
    expect(one.sentCommit).toBe(3);
  });

  test("a copy shares nothing that a configuration change alters", () => {
    const one = progress({ match: 3, next: 6, state: "replicate" });
    const copy = one.clone();
    copy.isLearner = true;
    expect(one.isLearner).toBe(false);
    expect(copy).toMatchObject({ match: 3, next: 6, state: "replicate" });
  });
});
