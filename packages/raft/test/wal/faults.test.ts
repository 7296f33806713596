import { type FailedSyncPages, isChange, MemoryFileSystem } from "@titan/bitcask/testing";
import { describe, expect, test, vi } from "vitest";
import { toLogIndex, toNodeId, toTerm } from "../../src/core/ids.js";
import { isRaftWalError } from "../../src/wal/errors.js";
import type { RaftWal } from "../../src/wal/raft-wal.js";
import { describeWal } from "./support/naive-log.js";
import { crash, createWorld, DIRECTORY, openWal } from "./support/wal-world.js";
import { entryRange } from "./support/workload.js";

const hardState = (term: number, vote?: number) => ({
  term: toTerm(term),
  vote: vote === undefined ? undefined : toNodeId(vote),
  commit: toLogIndex(0),
});

/** Appends, rotations and a collection; each acknowledged batch is counted. */
async function work(wal: RaftWal, acknowledged: { count: number }): Promise<void> {
  for (let from = 1; from < 60; from += 4) {
    await wal.append([{ group: 1, entries: entryRange(from, from + 3, 1, 60) }]);
    acknowledged.count = from + 3;
    if (from > 8) {
      await wal.append([{ group: 1, compactTo: toLogIndex(from - 5) }]);
      await wal.collectGarbage();
    }
  }
}

describe("a failed write or sync", () => {
  test("at any operation loses nothing acknowledged, and poisons unless nothing was written", async () => {
    const rehearsal = createWorld();
    const wal = await openWal(rehearsal);
    const first = rehearsal.fileSystem.operationCount;
    await work(wal, { count: 0 });
    const last = rehearsal.fileSystem.operationCount;
    await wal.close();
    expect(last - first).toBeGreaterThan(60);
    let poisoned = 0;
    for (let number = first + 1; number <= last; number += 1) {
      for (const pages of ["dropped", "marked-clean", "written"] as const) {
        poisoned += await failAt(number, pages);
      }
    }
    expect(poisoned).toBeGreaterThan(100);
  }, 30_000);

  async function failAt(number: number, pages: FailedSyncPages): Promise<number> {
    const world = createWorld();
    const wal = await openWal(world);
    let isWriteOrSync = false;
    world.fileSystem.onOperation = (operation) => {
      if (operation.number !== number) return;
      const isUnlink = operation.kind === "unlink";
      isWriteOrSync = isChange(operation) && !isUnlink;
    };
    world.fileSystem.faults.add({ number, fault: { type: "error", code: "EIO", pages } });
    const acknowledged = { count: 0 };
    const failure = await work(wal, acknowledged).catch((error: unknown) => error);
    if (isWriteOrSync) {
      expect(isRaftWalError(failure), `operation ${number}`).toBe(true);
      expect(wal.stats().isPoisoned).toBe(true);
      const again = wal.append([{ group: 2, hardState: hardState(1) }]);
      await expect(again).rejects.toMatchObject({
        code: "RAFT_WAL_POISONED",
        outcome: "not-applied",
      });
      expect(() => wal.tryAppendSync([{ group: 2, hardState: hardState(1) }])).toThrow("poisoned");
    }
    await wal.close().catch(() => undefined);
    expect(world.fileSystem.openHandleCount).toBe(0);
    // The process goes, the page cache stays; then the power goes too.
    world.fileSystem.faults.clear();
    const calm = createWorld(new MemoryFileSystem({}, world.fileSystem.snapshot()), 5);
    const reopened = await openWal(calm);
    const shown = describeWal(reopened);
    expect(reopened.storage(1).lastIndex()).toBeGreaterThanOrEqual(acknowledged.count);
    const afterCut = await openWal(crash(calm));
    expect(describeWal(afterCut)).toBe(shown);
    await afterCut.close();
    return wal.stats().isPoisoned ? 1 : 0;
  }

  test("tells an unknown outcome once and calls the observer once", async () => {
    const onPoisoned = vi.fn();
    const world = createWorld();
    const wal = await openWal(world, { observer: { onPoisoned } });
    world.fileSystem.faults.add({ kind: "sync", fault: { type: "error", code: "EIO" } });
    const first = wal.append([{ group: 1, hardState: hardState(1) }]);
    await expect(first).rejects.toMatchObject({ code: "RAFT_WAL_SYNC_FAILED", outcome: "unknown" });
    for (let again = 0; again < 3; again += 1) {
      const later = wal.append([{ group: 1, hardState: hardState(2) }]);
      await expect(later).rejects.toMatchObject({ code: "RAFT_WAL_POISONED" });
    }
    expect(onPoisoned).toHaveBeenCalledTimes(1);
    const syncs = world.fileSystem.operationCount;
    await wal.close();
    expect(world.fileSystem.operationCount - syncs).toBeLessThan(3);
  });
});

describe("a full disk", () => {
  test("refuses batches that need another segment, and goes on when there is room", async () => {
    const world = createWorld();
    const wal = await openWal(world);
    world.fileSystem.capacityBytes = 4096 + 1024;
    let written = 0;
    const fill = async () => {
      for (let from = 1; from < 60; from += 4) {
        await wal.append([{ group: 1, entries: entryRange(from, from + 3, 1, 60) }]);
        written = from + 3;
      }
    };
    const refusal: unknown = await fill().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "RAFT_WAL_DISK_FULL", outcome: "not-applied" });
    expect(wal.stats().isPoisoned).toBe(false);
    expect(wal.storage(1).lastIndex()).toBe(written);
    world.fileSystem.capacityBytes = Number.POSITIVE_INFINITY;
    const entries = entryRange(written + 1, written + 4, 1, 60);
    await wal.append([{ group: 1, entries }]);
    expect(wal.storage(1).lastIndex()).toBe(written + 4);
    await wal.close();
    const again = await openWal(crash(world));
    expect(again.storage(1).lastIndex()).toBe(written + 4);
    await again.close();
  });
});

describe("a slow disk", () => {
  test("is told while the write is under way", async () => {
    const stalls: unknown[] = [];
    const clock = createWorld().clock;
    const world = { ...createWorld(new MemoryFileSystem({ clock })), clock };
    const observer = { onStall: (stall: unknown) => stalls.push(stall) };
    const wal = await openWal(world, { stallMs: 100, observer });
    world.fileSystem.faults.add({ kind: "sync", fault: { type: "delay", milliseconds: 250 } });
    const append = wal.append([{ group: 1, hardState: hardState(1) }]);
    await vi.waitFor(() => expect(clock.timerCount).toBe(2));
    clock.advance(120);
    expect(stalls).toEqual([{ operation: "sync", elapsedMs: 100 }]);
    expect(wal.stats().pendingWriteMs).toBe(120);
    clock.advance(100);
    expect(stalls).toHaveLength(2);
    clock.advance(100);
    await append;
    expect(wal.stats().pendingWriteMs).toBe(0);
    await wal.close();
    expect(clock.timerCount).toBe(0);
  });
});

describe("one writer per directory", () => {
  test("a second opener is refused by the holder's name; a dead holder's lock is taken over", async () => {
    const world = createWorld();
    const wal = await openWal(world);
    await expect(openWal(world)).rejects.toMatchObject({
      code: "RAFT_WAL_LOCKED",
      message: expect.stringContaining("this process"),
    });
    await expect(openWal(world)).rejects.toThrow(DIRECTORY);
    await wal.append([{ group: 1, hardState: hardState(3, 2) }]);
    const next = await openWal(crash(world));
    expect(next.storage(1).initialState().hardState).toEqual(hardState(3, 2));
    await next.close();
    await next.close();
    await expect(next.append([])).rejects.toMatchObject({ code: "RAFT_WAL_CLOSED" });
  });
});
