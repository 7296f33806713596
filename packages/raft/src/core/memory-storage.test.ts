import { describe, expect, test } from "vitest";
import { foundingConfig } from "./configuration.js";
import { type Entry, entryBytes, NO_BYTES } from "./entry.js";
import { toLogIndex, toTerm } from "./ids.js";
import { MemoryStorage } from "./memory-storage.js";

function entries(firstIndex: number, ...terms: readonly number[]): Entry[] {
  return terms.map((term, i) => ({
    term: toTerm(term),
    index: toLogIndex(firstIndex + i),
    type: "normal",
    data: NO_BYTES,
  }));
}

/** Entries 4, 5, 6 of terms 4, 5, 6, compacted up to 3. */
function storage(): MemoryStorage {
  const memory = new MemoryStorage();
  memory.append(entries(1, 1, 2, 3, 4, 5, 6));
  memory.compact(toLogIndex(3));
  return memory;
}

const snapshotAt = (index: number, term: number) => ({
  meta: {
    index: toLogIndex(index),
    term: toTerm(term),
    config: foundingConfig({ voters: [1, 2, 3] }),
  },
  data: NO_BYTES,
});

describe("storage in memory", () => {
  test("knows terms within the log and at the point of compaction", () => {
    const known = [2, 3, 4, 6, 7].map((index) => storage().term(toLogIndex(index)));
    expect(known).toEqual([undefined, 3, 4, 6, undefined]);
  });

  test("reads entries, cut to size but never to nothing", () => {
    const [first] = entries(4, 4);
    const size = first === undefined ? 0 : entryBytes(first);
    const read = (low: number, high: number, bytes: number): number[] =>
      storage()
        .entries(toLogIndex(low), toLogIndex(high), bytes)
        .map(({ index }) => index);
    expect(read(4, 7, Number.POSITIVE_INFINITY)).toEqual([4, 5, 6]);
    expect(read(4, 7, 2 * size)).toEqual([4, 5]);
    expect(read(4, 7, 0)).toEqual([4]);
    expect(() => read(3, 5, 1)).toThrow(expect.objectContaining({ code: "RAFT_LOG_COMPACTED" }));
    expect(() => read(5, 8, 1)).toThrow(expect.objectContaining({ code: "RAFT_LOG_UNAVAILABLE" }));
  });

  test.each([
    { first: 7, news: [7], after: [4, 5, 6, 7] },
    { first: 5, news: [9], after: [4, 9] },
    { first: 4, news: [9, 9], after: [9, 9] },
    { first: 2, news: [2, 3, 9], after: [9] },
    { first: 1, news: [1, 2], after: [4, 5, 6] },
  ])("appending $news from $first leaves $after", ({ first, news, after }) => {
    const memory = storage();
    memory.append(entries(first, ...news));
    const last = toLogIndex(memory.lastIndex() + 1);
    const all = memory.entries(memory.firstIndex(), last, Number.POSITIVE_INFINITY);
    expect(all.map(({ term }) => term)).toEqual(after);
  });

  test("refuses to leave a hole", () => {
    expect(() => storage().append(entries(8, 8))).toThrow(
      expect.objectContaining({ code: "RAFT_INVARIANT" }),
    );
  });

  test("compacts forward only, and within the log", () => {
    const memory = storage();
    expect(() => memory.compact(toLogIndex(3))).toThrow(
      expect.objectContaining({ code: "RAFT_LOG_COMPACTED" }),
    );
    expect(() => memory.compact(toLogIndex(9))).toThrow(
      expect.objectContaining({ code: "RAFT_INVARIANT" }),
    );
    memory.compact(toLogIndex(6));
    expect([memory.firstIndex(), memory.lastIndex()]).toEqual([7, 6]);
  });

  test("a snapshot replaces log and configuration, an older one is refused", () => {
    const memory = storage();
    expect(memory.snapshot()).toBeUndefined();
    memory.applySnapshot(snapshotAt(9, 8));
    expect([memory.firstIndex(), memory.lastIndex()]).toEqual([10, 9]);
    expect(memory.term(toLogIndex(9))).toBe(8);
    expect(memory.initialState().config.voters).toEqual([1, 2, 3]);
    expect(() => memory.applySnapshot(snapshotAt(9, 8))).toThrow(
      expect.objectContaining({ code: "RAFT_LOG_COMPACTED" }),
    );
  });

  test("a snapshot of its own is offered and leaves the log alone", () => {
    const memory = storage();
    memory.saveSnapshot(snapshotAt(5, 5));
    memory.saveSnapshot(snapshotAt(4, 4));
    expect(memory.snapshot()?.meta.index).toBe(5);
    expect(memory.lastIndex()).toBe(6);
  });
});
