import { describe, expect, test } from "vitest";
import { EMPTY_CONFIG_STATE } from "./configuration.js";
import { type Entry, NO_BYTES } from "./entry.js";
import { type LogPosition, toLogIndex, toTerm } from "./ids.js";
import type { Snapshot } from "./storage.js";
import { UnstableLog } from "./unstable-log.js";

function entries(firstIndex: number, ...terms: readonly number[]): Entry[] {
  return terms.map((term, i) => ({
    term: toTerm(term),
    index: toLogIndex(firstIndex + i),
    type: "normal",
    data: NO_BYTES,
  }));
}

function position(term: number, index: number): LogPosition {
  return { term: toTerm(term), index: toLogIndex(index) };
}

function snapshot(term: number, index: number): Snapshot {
  return { meta: { ...position(term, index), config: EMPTY_CONFIG_STATE }, data: NO_BYTES };
}

/** Entries 5 … of the given terms, over a stable log up to 4. */
function log(...terms: readonly number[]): UnstableLog {
  const unstable = new UnstableLog(toLogIndex(5));
  unstable.truncateAndAppend(entries(5, ...terms));
  return unstable;
}

const terms = (unstable: UnstableLog): number[] =>
  unstable.slice(unstable.offset, unstable.end).map(({ term }) => term);

describe("the unstable log", () => {
  test("knows no last index nor term without entries or snapshot", () => {
    const unstable = log();
    expect(unstable.lastIndex()).toBeUndefined();
    expect(unstable.term(toLogIndex(4))).toBeUndefined();
  });

  test("answers from its entries, and for the index of its snapshot", () => {
    const unstable = log();
    unstable.restore(snapshot(3, 9));
    expect(unstable.lastIndex()).toBe(9);
    expect(unstable.term(toLogIndex(9))).toBe(3);
    expect(unstable.term(toLogIndex(8))).toBeUndefined();
    unstable.truncateAndAppend(entries(10, 4));
    expect(unstable.lastIndex()).toBe(10);
    expect(unstable.term(toLogIndex(10))).toBe(4);
    expect(unstable.term(toLogIndex(11))).toBeUndefined();
  });

  test("hands out entries and snapshot once", () => {
    const unstable = log(1, 1);
    expect(unstable.nextEntries()).toHaveLength(2);
    unstable.acceptInProgress();
    expect(unstable.hasNextEntries).toBe(false);
    unstable.truncateAndAppend(entries(7, 1));
    expect(unstable.nextEntries().map(({ index }) => index)).toEqual([7]);
    unstable.restore(snapshot(1, 9));
    expect(unstable.nextSnapshot()?.meta.index).toBe(9);
    unstable.acceptInProgress();
    expect(unstable.nextSnapshot()).toBeUndefined();
    expect(unstable.snapshot?.meta.index).toBe(9);
  });

  test.each([
    { stable: position(1, 5), offset: 6, left: 1 },
    { stable: position(1, 6), offset: 7, left: 0 },
    { stable: position(2, 5), offset: 5, left: 2 },
    { stable: position(1, 4), offset: 5, left: 2 },
    { stable: position(1, 9), offset: 5, left: 2 },
  ])("entries stable up to $stable leave $left", ({ stable, offset, left }) => {
    const unstable = log(1, 1);
    unstable.acceptInProgress();
    unstable.stableTo(stable);
    expect(unstable.offset).toBe(offset);
    expect(terms(unstable)).toHaveLength(left);
    expect(unstable.hasNextEntries).toBe(false);
  });

  test("a report about the index of a snapshot is none about entries", () => {
    const unstable = log();
    unstable.restore(snapshot(1, 4));
    unstable.truncateAndAppend(entries(5, 1));
    unstable.stableTo(position(1, 4));
    expect(terms(unstable)).toEqual([1]);
  });

  test("forgets a snapshot once that one is stable", () => {
    const unstable = log();
    unstable.restore(snapshot(1, 9));
    unstable.stableSnapshotTo(toLogIndex(8));
    expect(unstable.snapshot).toBeDefined();
    unstable.stableSnapshotTo(toLogIndex(9));
    expect(unstable.snapshot).toBeUndefined();
  });

  test.each([
    { what: "behind the end", first: 7, news: [2], after: [1, 1, 2], offset: 5, next: 7 },
    { what: "replacing some", first: 6, news: [2, 2], after: [1, 2, 2], offset: 5, next: 6 },
    { what: "replacing all", first: 5, news: [2], after: [2], offset: 5, next: 5 },
    {
      what: "replacing stable ones too",
      first: 3,
      news: [2, 2],
      after: [2, 2],
      offset: 3,
      next: 3,
    },
  ])("appending $what, under way entries that go are handed out anew", (row) => {
    const unstable = log(1, 1);
    unstable.acceptInProgress();
    unstable.truncateAndAppend(entries(row.first, ...row.news));
    expect(terms(unstable)).toEqual(row.after);
    expect(unstable.offset).toBe(row.offset);
    expect(unstable.nextEntries()[0]?.index).toBe(row.next);
  });

  test("refuses a hole, and reads beyond its ends", () => {
    const unstable = log(1, 1);
    const broken = expect.objectContaining({ code: "RAFT_INVARIANT" });
    expect(() => unstable.truncateAndAppend(entries(8, 1))).toThrow(broken);
    expect(() => unstable.slice(toLogIndex(4), toLogIndex(6))).toThrow(broken);
    expect(() => unstable.slice(toLogIndex(5), toLogIndex(8))).toThrow(broken);
    expect(() => unstable.slice(toLogIndex(7), toLogIndex(6))).toThrow(broken);
  });

  test("what it handed out does not change when it does", () => {
    const unstable = log(1, 1);
    const taken = unstable.nextEntries();
    unstable.truncateAndAppend(entries(5, 2));
    expect(taken.map(({ term }) => term)).toEqual([1, 1]);
  });
});
