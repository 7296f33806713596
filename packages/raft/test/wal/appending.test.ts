import { describe, expect, test } from "vitest";
import { foundingConfig } from "../../src/core/configuration.js";
import { toLogIndex, toNodeId, toTerm } from "../../src/core/ids.js";
import { RaftCore } from "../../src/core/index.js";
import { createWorld, openWal, reopened, SMALL } from "./support/wal-world.js";
import { entry, entryRange, snapshotAt } from "./support/workload.js";

const hardState = (term: number, vote?: number) => ({
  term: toTerm(term),
  vote: vote === undefined ? undefined : toNodeId(vote),
  commit: toLogIndex(0),
});

describe("a batch", () => {
  test("over many groups costs one write and one sync", async () => {
    const world = createWorld();
    const wal = await openWal(world);
    const before = world.fileSystem.operationCount;
    const updates = Array.from({ length: 10 }, (_, at) => ({
      group: at + 1,
      hardState: hardState(1, 1),
    }));
    const receipt = await wal.append(updates);
    expect(world.fileSystem.operationCount - before).toBe(2);
    expect(receipt.isDurable).toBe(true);
    expect(wal.tryAppendSync([{ group: 1, entries: entryRange(1, 3) }])?.isDurable).toBe(true);
    expect(world.fileSystem.operationCount - before).toBe(4);
    await wal.close();
  });

  test("shares its sync with those appended in the same turn", async () => {
    const world = createWorld();
    const wal = await openWal(world);
    const before = world.fileSystem.operationCount;
    await Promise.all([1, 2, 3].map((group) => wal.append([{ group, entries: entryRange(1, 2) }])));
    expect(world.fileSystem.operationCount - before).toBe(2);
    await wal.close();
  });

  test("is there after a crash, whole; one without a sync may be lost until the next", async () => {
    const world = createWorld();
    const wal = await openWal(world);
    await wal.append([{ group: 1, entries: entryRange(1, 3) }]);
    const lazy = await wal.append([{ group: 1, hardState: hardState(5) }], { sync: false });
    expect(lazy.isDurable).toBe(false);
    const afterCrash = await reopened({ ...world, fileSystem: world.fileSystem });
    expect(afterCrash.storage(1).lastIndex()).toBe(3);
    expect(afterCrash.storage(1).initialState().hardState.term).toBe(0);
    await afterCrash.append([{ group: 1, hardState: hardState(6) }], { sync: false });
    await afterCrash.sync();
    await afterCrash.close();
  });

  test("with a newer entry of the same index replaces the old one and all after it", async () => {
    const world = createWorld();
    const wal = await openWal(world);
    await wal.append([{ group: 1, entries: entryRange(1, 6, 1) }]);
    await wal.append([{ group: 1, entries: [entry(4, 2)] }]);
    for (const log of [wal, await reopened(world)]) {
      const view = log.storage(1);
      expect(view.lastIndex()).toBe(4);
      expect(view.term(toLogIndex(4))).toBe(2);
      expect(view.term(toLogIndex(5))).toBeUndefined();
    }
  });

  test.each([
    ["a gap", { group: 1, entries: entryRange(8, 9) }],
    ["a hole", { group: 1, entries: [entry(4, 2), entry(6, 2)] }],
    ["a term that falls", { group: 1, entries: [entry(4, 2), entry(5, 1)] }],
    ["an older term", { group: 1, hardState: hardState(1) }],
    ["a second vote in a term", { group: 1, hardState: hardState(2, 3) }],
    ["a vote taken back", { group: 1, hardState: hardState(2) }],
    ["a compaction past the end", { group: 1, compactTo: toLogIndex(9) }],
    ["a snapshot past the end", { group: 1, saveSnapshot: snapshotAt(9, 2) }],
    [
      "a snapshot's data over the limit",
      { group: 1, installSnapshot: snapshotAt(9, 2, "x".repeat(2 ** 17)) },
    ],
    ["no group number", { group: 0, hardState: hardState(3) }],
    ["half a group number", { group: 1.5, hardState: hardState(3) }],
  ])("with %s is refused and changes nothing", async (_, update) => {
    const world = createWorld();
    const wal = await openWal(world);
    await wal.append([{ group: 1, hardState: hardState(2, 1), entries: entryRange(1, 3, 1) }]);
    const operations = world.fileSystem.operationCount;
    const both = [{ group: 2, hardState: hardState(9) }, update];
    const refusal = { code: "RAFT_WAL_INVALID_UPDATE", outcome: "not-applied" };
    await expect(wal.append(both)).rejects.toMatchObject(refusal);
    expect(() => wal.tryAppendSync(both)).toThrow(expect.objectContaining(refusal));
    expect(world.fileSystem.operationCount).toBe(operations);
    expect(wal.groupIds()).toEqual([1]);
    await wal.append([{ group: 1, entries: [entry(4, 2)] }]);
    await wal.close();
  });

  test("over a limit is refused by name", async () => {
    const wal = await openWal(createWorld(), { maxQueuedBytes: 1000, maxIndexBytes: 60 });
    const large = wal.append([{ group: 1, entries: entryRange(1, 1, 1, 3000) }]);
    await expect(large).rejects.toMatchObject({ code: "RAFT_WAL_BATCH_TOO_LARGE" });
    const first = wal.append([{ group: 1, entries: entryRange(1, 1, 1, 700) }]);
    const second = wal.append([{ group: 2, entries: entryRange(1, 1, 1, 700) }]);
    await expect(second).rejects.toMatchObject({ code: "RAFT_WAL_BACKLOG_FULL" });
    await first;
    const third = wal.append([{ group: 1, entries: [entry(2, 1)] }]);
    await expect(third).rejects.toMatchObject({ code: "RAFT_WAL_INDEX_FULL" });
    await wal.append([{ group: 1, compactTo: toLogIndex(1) }]);
    await wal.append([{ group: 1, remove: true }]);
    await wal.close();
  });

  test("finds room in the index again once a group is compacted, down to its last entries", async () => {
    const wal = await openWal(createWorld(), { maxIndexBytes: 1000, maxBatchBytes: 3500 });
    await wal.append([{ group: 1, entries: entryRange(1, 60, 1) }]);
    const more = [{ group: 2, entries: entryRange(1, 1, 1) }];
    await expect(wal.append(more)).rejects.toMatchObject({ code: "RAFT_WAL_INDEX_FULL" });
    // Updates without entries pass, and what they free is used.
    await wal.append([{ group: 2, hardState: hardState(3, 2) }]);
    await wal.append([{ group: 1, compactTo: toLogIndex(40) }]);
    await wal.append(more);
    expect(wal.stats().indexBytes).toBeLessThan(1000);
    expect(wal.storage(1).entries(toLogIndex(41), toLogIndex(61), 1e9)).toEqual(
      entryRange(41, 60, 1),
    );
    await wal.close();
  });

  test("that does not fit the segment makes the blocking form step back", async () => {
    const wal = await openWal(createWorld());
    let from = 1;
    const next = () => [{ group: 1, entries: entryRange(from, from, 1, 1000) }];
    while (wal.stats().segments === 1) {
      const receipt = wal.tryAppendSync(next());
      if (receipt === undefined) await wal.append(next());
      from += 1;
    }
    expect(wal.storage(1).lastIndex()).toBe(from - 1);
    await wal.close();
  });
});

describe("a view", () => {
  test("cuts at maxBytes but never to nothing, from cache and disk alike", async () => {
    for (const cacheBytes of [0, 1_000_000, 800]) {
      const wal = await openWal(createWorld(), { cacheBytes });
      for (let from = 1; from <= 17; from += 4) {
        await wal.append([{ group: 1, entries: entryRange(from, from + 3, 1, 100) }]);
        await wal.append([{ group: 2, entries: entryRange(from, from + 3, 1, 10) }]);
      }
      const view = wal.storage(1);
      const read = (low: number, high: number, maxBytes: number) =>
        view.entries(toLogIndex(low), toLogIndex(high), maxBytes).map(({ index }) => index);
      expect(read(1, 21, 0)).toEqual([1]);
      expect(read(3, 21, 330)).toEqual([3, 4, 5]);
      expect(read(1, 21, Number.POSITIVE_INFINITY)).toHaveLength(20);
      expect(read(5, 5, 100)).toEqual([]);
      expect(() => read(1, 22, 100)).toThrow(
        expect.objectContaining({ code: "RAFT_LOG_UNAVAILABLE" }),
      );
      await wal.append([{ group: 1, compactTo: toLogIndex(7) }]);
      expect(() => read(7, 9, 100)).toThrow(
        expect.objectContaining({ code: "RAFT_LOG_COMPACTED" }),
      );
      expect(view.term(toLogIndex(7))).toBe(1);
      expect(view.term(toLogIndex(6))).toBeUndefined();
      await wal.close();
    }
  });

  test("carries a core through a crash", async () => {
    const world = createWorld();
    const wal = await openWal(world, SMALL);
    const config = foundingConfig({ voters: [1] });
    await wal.append([{ group: 7, config }]);
    const core = new RaftCore({ id: 1, storage: wal.storage(7), random: world.random });
    core.campaign();
    for (let turn = 0; turn < 6; turn += 1) {
      if (turn === 3) core.propose(Buffer.from("hello"));
      const append = core.hasReady ? core.ready().append : undefined;
      if (append === undefined) continue;
      const { hardState: state, entries } = append;
      await wal.append([{ group: 7, entries, ...(state ? { hardState: state } : {}) }]);
      for (const response of append.responses) core.step(response);
    }
    const again = await reopened(world);
    const view = again.storage(7);
    expect(view.initialState().config).toEqual(config);
    expect(view.initialState().hardState).toMatchObject({ term: 1, vote: 1 });
    const [, last] = view.entries(toLogIndex(1), toLogIndex(view.lastIndex() + 1), 1e9);
    expect(Buffer.from(last!.data).toString()).toBe("hello");
  });
});
