import { describe, expect, test } from "vitest";
import { EMPTY_CONFIG_STATE } from "./configuration.js";
import { type Entry, entryBytes, NO_BYTES } from "./entry.js";
import { type LogPosition, toLogIndex, toTerm } from "./ids.js";
import { MemoryStorage } from "./memory-storage.js";
import { RaftLog } from "./raft-log.js";
import type { Snapshot } from "./storage.js";

const ALL = Number.POSITIVE_INFINITY;

function entries(firstIndex: number, ...terms: readonly number[]): Entry[] {
  return terms.map((term, i) => ({
    term: toTerm(term),
    index: toLogIndex(firstIndex + i),
    type: "normal",
    data: NO_BYTES,
  }));
}

const SIZE = entryBytes({ term: toTerm(1), index: toLogIndex(1), type: "normal", data: NO_BYTES });

function position(term: number, index: number): LogPosition {
  return { term: toTerm(term), index: toLogIndex(index) };
}

function snapshot(term: number, index: number): Snapshot {
  return { meta: { ...position(term, index), config: EMPTY_CONFIG_STATE }, data: NO_BYTES };
}

function logOf(init: {
  stable?: readonly number[];
  unstable?: readonly number[];
  limit?: number;
}): {
  log: RaftLog;
  storage: MemoryStorage;
} {
  const { stable = [], unstable = [], limit = ALL } = init;
  const storage = new MemoryStorage();
  storage.append(entries(1, ...stable));
  const log = new RaftLog(storage, limit);
  log.append(entries(stable.length + 1, ...unstable));
  return { log, storage };
}

function indexes(list: readonly Entry[] | undefined): number[] | undefined {
  return list?.map(({ index }) => index);
}

describe("the log", () => {
  test("reads across stable and unstable entries", () => {
    const { log } = logOf({ stable: [1, 1, 2], unstable: [2, 3] });
    expect(log.lastPosition()).toEqual(position(3, 5));
    expect([0, 1, 3, 4, 5, 6].map((index) => log.term(toLogIndex(index)))).toEqual([
      0,
      1,
      2,
      2,
      3,
      undefined,
    ]);
    expect(indexes(log.slice(toLogIndex(2), toLogIndex(6), ALL))).toEqual([2, 3, 4, 5]);
    expect(indexes(log.entriesFrom(toLogIndex(6), ALL))).toEqual([]);
  });

  test.each([
    { low: 1, bytes: 0, got: [1] },
    { low: 1, bytes: 2 * SIZE, got: [1, 2] },
    { low: 1, bytes: 4 * SIZE - 1, got: [1, 2, 3] },
    { low: 1, bytes: 4 * SIZE, got: [1, 2, 3, 4] },
    { low: 1, bytes: 5 * SIZE, got: [1, 2, 3, 4, 5] },
    { low: 3, bytes: SIZE, got: [3] },
    { low: 4, bytes: 0, got: [4] },
    { low: 4, bytes: 2 * SIZE - 1, got: [4] },
  ])("from $low, cut after $bytes bytes: $got", ({ low, bytes, got }) => {
    const { log } = logOf({ stable: [1, 1, 1], unstable: [1, 1] });
    expect(indexes(log.entriesFrom(toLogIndex(low), bytes))).toEqual(got);
  });

  test("what is compacted reads as undefined; the term before it is still known", () => {
    const { log, storage } = logOf({ stable: [1, 1, 2], unstable: [3] });
    storage.compact(toLogIndex(2));
    expect(log.firstIndex()).toBe(3);
    expect(log.slice(toLogIndex(2), toLogIndex(4), ALL)).toBeUndefined();
    expect(log.term(toLogIndex(2))).toBe(1);
    expect(log.term(toLogIndex(1))).toBeUndefined();
  });

  test.each([
    { previous: position(2, 3), news: [], commit: 9, last: 3, committed: 3 },
    { previous: position(2, 3), news: [4], commit: 3, last: 4, committed: 3 },
    { previous: position(2, 3), news: [4, 4], commit: 4, last: 5, committed: 4 },
    { previous: position(1, 2), news: [4], commit: 9, last: 3, committed: 3 },
    { previous: position(1, 1), news: [], commit: 9, last: 1, committed: 1 },
    { previous: position(1, 3), news: [4], commit: 9, last: undefined, committed: 1 },
    { previous: position(3, 9), news: [4], commit: 9, last: undefined, committed: 1 },
  ])("append after $previous of $news: last $last, commit $committed", (row) => {
    const { log } = logOf({ stable: [1, 1], unstable: [2] });
    log.commitTo(toLogIndex(1));
    const news = entries(row.previous.index + 1, ...row.news);
    expect(log.maybeAppend(row.previous, news, toLogIndex(row.commit))).toBe(row.last);
    expect(log.committed).toBe(row.committed);
  });

  test("a committed entry is never replaced", () => {
    const { log } = logOf({ stable: [1, 1] });
    log.commitTo(toLogIndex(2));
    const broken = expect.objectContaining({ code: "RAFT_INVARIANT" });
    expect(() => log.maybeAppend(position(1, 1), entries(2, 3), toLogIndex(2))).toThrow(broken);
    expect(() => log.append(entries(1, 3))).toThrow(broken);
    expect(() => log.commitTo(toLogIndex(3))).toThrow(broken);
  });

  test("the commit index never goes back", () => {
    const { log } = logOf({ stable: [1, 1] });
    log.commitTo(toLogIndex(2));
    log.commitTo(toLogIndex(1));
    expect(log.committed).toBe(2);
  });

  test.each([
    { at: position(9, 5), guess: { index: 5, term: 4 } },
    { at: position(3, 5), guess: { index: 3, term: 2 } },
    { at: position(1, 4), guess: { index: 2, term: 1 } },
    { at: position(0, 4), guess: { index: 0, term: 0 } },
    { at: position(2, 9), guess: { index: 9, term: undefined } },
  ])("may match another log with $at at $guess", ({ at, guess }) => {
    const { log } = logOf({ stable: [1, 1, 2], unstable: [4, 4] });
    const expected = guess.index === 0 ? { index: 0, term: undefined } : guess;
    expect(log.guessMatch(at)).toEqual(expected);
  });

  test("commits by counting only what is of the leader's term", () => {
    const { log } = logOf({ unstable: [1, 2] });
    expect(log.maybeCommit(toLogIndex(1), toTerm(2))).toBe(false);
    expect(log.maybeCommit(toLogIndex(3), toTerm(2))).toBe(false);
    expect(log.maybeCommit(toLogIndex(2), toTerm(2))).toBe(true);
    expect(log.maybeCommit(toLogIndex(2), toTerm(2))).toBe(false);
  });

  test("hands out committed entries once, within the limit, and pauses at it", () => {
    const { log } = logOf({ stable: [1, 1, 1, 1, 1], limit: 2 * SIZE });
    log.commitTo(toLogIndex(5));
    const first = log.nextCommitted(false);
    expect(indexes(first)).toEqual([1, 2]);
    log.acceptApplying(first, false);
    expect(log.hasNextCommitted(false)).toBe(false);
    log.appliedTo(toLogIndex(1), SIZE);
    expect(indexes(log.nextCommitted(false))).toEqual([3]);
    log.appliedTo(toLogIndex(2), SIZE);
    expect(indexes(log.nextCommitted(false))).toEqual([3, 4]);
  });

  test("unstable entries are handed out only to those who ask for them", () => {
    const { log } = logOf({ stable: [1], unstable: [1] });
    log.commitTo(toLogIndex(2));
    expect(indexes(log.nextCommitted(false))).toEqual([1]);
    expect(indexes(log.nextCommitted(true))).toEqual([1, 2]);
  });

  test("while a snapshot is to be restored, nothing else is applied", () => {
    const { log } = logOf({ stable: [1, 1] });
    log.commitTo(toLogIndex(2));
    log.restore(snapshot(2, 7));
    expect(log.nextCommitted(true)).toEqual([]);
    expect(log.committed).toBe(7);
    expect(log.firstIndex()).toBe(8);
    expect(log.lastPosition()).toEqual(position(2, 7));
    expect(log.snapshot()?.meta.index).toBe(7);
  });

  test("applied stays between what was applied and what is committed", () => {
    const { log } = logOf({ stable: [1, 1, 1] });
    log.commitTo(toLogIndex(2));
    log.appliedTo(toLogIndex(1), 0);
    const broken = expect.objectContaining({ code: "RAFT_INVARIANT" });
    expect(() => log.appliedTo(toLogIndex(3), 0)).toThrow(broken);
    expect(() => log.appliedTo(toLogIndex(0), 0)).toThrow(broken);
  });

  test("looks through unapplied entries page by page", () => {
    const { log } = logOf({ stable: [1, 1, 1, 1], limit: SIZE });
    log.commitTo(toLogIndex(3));
    log.appliedTo(toLogIndex(1), 0);
    const seen: number[] = [];
    log.someUnapplied(({ index }) => {
      seen.push(index);
      return false;
    });
    expect(seen).toEqual([2, 3]);
    expect(log.someUnapplied(({ index }) => index === 4)).toBe(false);
  });
});
