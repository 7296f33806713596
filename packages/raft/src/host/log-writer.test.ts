import { ManualClock } from "@titan/bitcask/testing";
import { expect, test } from "vitest";
import type { Entry } from "../core/entry.js";
import { toLogIndex, toTerm } from "../core/ids.js";
import { RaftWalError } from "../wal/errors.js";
import type { GroupUpdate } from "../wal/group-update.js";
import { LogWriter } from "./log-writer.js";
import { MemoryGroupLogs } from "./memory-group-logs.js";

const TERM = toTerm(3);

function entryAt(index: number): Entry {
  return { index: toLogIndex(index), term: TERM, type: "normal", data: new Uint8Array(100) };
}

test("each part of a job that is cut says what is committed of the entries so far", async () => {
  const batches: (readonly GroupUpdate[])[] = [];
  class Log extends MemoryGroupLogs {
    override append(updates: readonly GroupUpdate[]): Promise<void> {
      batches.push(updates);
      return super.append(updates);
    }
  }
  const writer = new LogWriter({
    log: new Log(),
    clock: new ManualClock(),
    maxWriteBytes: 2000,
    onProgress: () => undefined,
    onFailed: (error) => {
      throw error;
    },
    onSpace: () => undefined,
    onIndexFull: () => undefined,
    onIndexRoom: () => undefined,
    meter: {},
  });
  const entries = Array.from({ length: 40 }, (_, at) => entryAt(at + 1));
  const hardState = { term: TERM, vote: undefined, commit: toLogIndex(25) };
  let written = 0;
  writer.add({
    update: { group: 1, hardState, entries },
    mustSync: true,
    onWritten: () => {
      written += 1;
    },
    onRefused: (error) => {
      throw error;
    },
  });
  writer.flush();
  await writer.settle();
  expect(written).toBe(1);
  expect(batches.length).toBeGreaterThan(3);
  const parts = batches.flat().map((update) => {
    if ("remove" in update) throw new Error("nothing is removed");
    return { commit: update.hardState?.commit, last: update.entries?.at(-1)?.index ?? 0 };
  });
  expect(parts.map(({ commit }) => commit)).toEqual(parts.map(({ last }) => Math.min(last, 25)));
  expect(parts.at(-1)).toEqual({ commit: 25, last: 40 });
});

test("what a group that is gone wanted written is not tried again when there was no space for it", async () => {
  const batches: (readonly GroupUpdate[])[] = [];
  class Log extends MemoryGroupLogs {
    override append(updates: readonly GroupUpdate[]): Promise<void> {
      batches.push(updates);
      if (batches.length > 1) return super.append(updates);
      const full = { code: "RAFT_WAL_DISK_FULL", message: "full" } as const;
      return Promise.reject(new RaftWalError(full));
    }
  }
  const ignore = (): void => undefined;
  const writer = new LogWriter({
    log: new Log(),
    clock: new ManualClock(),
    maxWriteBytes: 2000,
    onProgress: ignore,
    onFailed: ignore,
    onSpace: ignore,
    onIndexFull: ignore,
    onIndexRoom: ignore,
    meter: {},
  });
  for (const group of [1, 2]) {
    const update = { group, entries: [entryAt(1)] };
    writer.add({ update, mustSync: true, onWritten: ignore, onRefused: ignore });
  }
  writer.flush();
  writer.drop(1);
  await writer.settleUnderWay();
  await writer.settle();
  writer.retry();
  await writer.settle();
  expect(batches.map((updates) => updates.map(({ group }) => group))).toEqual([[1, 2], [2]]);
});

test("a full index holds back entries and what follows them, and lets votes and cuts pass", async () => {
  const order: string[] = [];
  let isFull = true;
  class Log extends MemoryGroupLogs {
    override append(updates: readonly GroupUpdate[]): Promise<void> {
      const hasEntries = updates.some((update) => "entries" in update);
      if (!isFull || !hasEntries) return Promise.resolve();
      return Promise.reject(new RaftWalError({ code: "RAFT_WAL_INDEX_FULL", message: "full" }));
    }
  }
  const ignore = (): void => undefined;
  const writer = new LogWriter({
    log: new Log(),
    clock: new ManualClock(),
    maxWriteBytes: 1_000_000,
    onProgress: ignore,
    onFailed: (error) => {
      throw error;
    },
    onSpace: (isShort) => order.push(`space ${isShort}`),
    onIndexFull: () => order.push("full"),
    onIndexRoom: () => order.push("room"),
    meter: {},
  });
  const add = (what: string, update: GroupUpdate): void => {
    const onWritten = (): void => {
      order.push(what);
    };
    writer.add({ update, mustSync: true, onWritten, onRefused: ignore });
  };
  const hardState = { term: TERM, vote: undefined, commit: toLogIndex(0) };
  add("1 entries", { group: 1, entries: [entryAt(10)] });
  add("1 vote", { group: 1, hardState });
  add("2 vote", { group: 2, hardState });
  add("3 entries", { group: 3, entries: [entryAt(1)] });
  writer.flush();
  await writer.settle();
  expect(order.splice(0)).toEqual(["full", "2 vote"]);
  writer.drop(3);
  add("2 entries", { group: 2, entries: [entryAt(1)] });
  add("4 vote", { group: 4, hardState });
  writer.flush();
  await writer.settle();
  writer.retry();
  await writer.settle();
  expect(order.splice(0)).toEqual(["4 vote", "full"]);
  isFull = false;
  add("1 cut", { group: 1, compactTo: toLogIndex(5) });
  writer.flush();
  await writer.settle();
  // What makes room lets the rest go at once, in its order.
  expect(order).toEqual(["1 cut", "room", "1 entries", "1 vote", "2 entries"]);
  expect(writer.indexFullMs).toBeUndefined();
});
