import { describe, expect, test } from "vitest";
import { toLogIndex, toNodeId, toTerm } from "../../src/core/ids.js";
import { verifyWal } from "../../src/wal/inspect-log.js";
import type { RaftWal } from "../../src/wal/raft-wal.js";
import { describeWal } from "./support/naive-log.js";
import { createWorld, DIRECTORY, openWal, reopened } from "./support/wal-world.js";
import { entryRange, snapshotAt } from "./support/workload.js";

const vote = { term: toTerm(4), vote: toNodeId(2), commit: toLogIndex(0) };

/** Group 1 writes and compacts until the log has `segments` segments. */
async function fill(wal: RaftWal, segments: number): Promise<void> {
  while (wal.stats().segments < segments) {
    const from = wal.storage(1).lastIndex() + 1;
    await wal.append([{ group: 1, entries: entryRange(from, from + 3, 1, 60) }]);
    await wal.append([{ group: 1, compactTo: toLogIndex(from + 2) }]);
  }
}

describe("garbage collection", () => {
  test("frees what is dead, copies the stragglers, and loses nothing", async () => {
    const world = createWorld();
    const wal = await openWal(world);
    // An idle group: its vote, snapshot and entries stay in the first segment for ever.
    await wal.append([{ group: 9, hardState: vote, installSnapshot: snapshotAt(10, 4) }]);
    await wal.append([{ group: 9, entries: entryRange(11, 13, 4) }]);
    await fill(wal, 6);
    const before = describeWal(wal);
    const [oldest] = wal.pinnedSegments();
    expect(oldest).toMatchObject({ segment: 1, groups: [{ group: 9 }] });
    const report = await wal.collectGarbage();
    expect(report.segmentsFreed).toBeGreaterThanOrEqual(4);
    expect(report.bytesCopied).toBeGreaterThan(100);
    expect(wal.stats().segments).toBeLessThan(4);
    expect(describeWal(wal)).toBe(before);
    expect(describeWal(await reopened(world))).toBe(before);
  });

  test("reports who pins a segment that is too full to copy", async () => {
    const wal = await openWal(createWorld());
    await wal.append([{ group: 5, entries: entryRange(1, 20, 1, 80) }]);
    await wal.append([{ group: 6, hardState: vote }]);
    await fill(wal, 3);
    expect(await wal.collectGarbage()).toEqual({ segmentsFreed: 0, bytesFreed: 0, bytesCopied: 0 });
    const [pinned] = wal.pinnedSegments();
    expect(pinned?.groups.slice(0, 2).map(({ group }) => group)).toEqual([5, 6]);
    expect(pinned?.liveBytes).toBeGreaterThan(1900);
    // The host does as it is told: snapshot, compact.
    await wal.append([{ group: 5, saveSnapshot: snapshotAt(20, 1), compactTo: toLogIndex(20) }]);
    expect((await wal.collectGarbage()).segmentsFreed).toBeGreaterThan(0);
    await wal.close();
  });

  test("copies even a full segment once the dead ones behind it outweigh all that lives", async () => {
    const wal = await openWal(createWorld());
    await wal.append([{ group: 5, entries: entryRange(1, 20, 1, 80) }]);
    await fill(wal, 8);
    const { segmentsFreed } = await wal.collectGarbage();
    expect(segmentsFreed).toBeGreaterThan(4);
    expect(wal.storage(5).entries(toLogIndex(1), toLogIndex(21), 1e9)).toHaveLength(20);
    await wal.close();
  });

  test("lets a removed group go for good", async () => {
    const world = createWorld();
    const wal = await openWal(world);
    await wal.append([{ group: 5, hardState: vote, entries: entryRange(1, 5, 1) }]);
    await wal.append([{ group: 5, remove: true }]);
    expect(wal.groupIds()).toEqual([]);
    await fill(wal, 4);
    await wal.collectGarbage();
    const again = await reopened(world);
    expect(again.groupIds()).toEqual([1]);
    expect(again.storage(5).initialState().hardState.term).toBe(0);
    // Its number may be used again, from the beginning.
    await again.append([{ group: 5, entries: entryRange(1, 2, 1) }]);
    expect(again.storage(5).lastIndex()).toBe(2);
  });

  test("runs by itself while the log is written, and keeps its size bounded", async () => {
    const world = createWorld();
    const wal = await openWal(world, { autoCollect: true });
    await wal.append([{ group: 9, hardState: vote }]);
    let most = 0;
    for (let from = 1; from < 1200; from += 4) {
      await wal.append([{ group: 1, entries: entryRange(from, from + 3, 1, 60) }]);
      if (from > 8) await wal.append([{ group: 1, compactTo: toLogIndex(from - 5) }]);
      most = Math.max(most, wal.stats().segments);
    }
    expect(most).toBeLessThan(8);
    expect(wal.storage(9).initialState().hardState).toEqual(vote);
    await wal.close();
    expect(await verifyWal(world.fileSystem, DIRECTORY)).toMatchObject({ isIntact: true });
    expect(world.fileSystem.openHandleCount).toBe(0);
  });
});
