import { describe, expect, test } from "vitest";
import { Bench, text } from "./bench-store.js";

test("a failed fsync stops the store: every later call fails with its code, until reopened", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  bench.fileSystem.faults.add({ kind: "sync", fault: { type: "error", code: "EIO" } });
  const refused = { code: "BITCASK_SYNC_FAILED" };
  await expect(db.put("b", "2")).rejects.toMatchObject({ ...refused, outcome: "unknown" });
  await expect(db.put("c", "3")).rejects.toMatchObject({ ...refused, outcome: "not-applied" });
  await expect(db.get("a")).rejects.toMatchObject(refused);
  expect(() => db.getSync("a")).toThrow(expect.objectContaining(refused));
  expect(() => db.stats()).toThrow(expect.objectContaining(refused));
  await expect(db.sync()).rejects.toMatchObject(refused);
  await expect(db.merge()).rejects.toMatchObject(refused);
  expect(() => db.keys()).toThrow(expect.objectContaining(refused));
  await expect(db.close()).rejects.toMatchObject(refused);
  expect(bench.fileSystem.openHandleCount).toBe(0);
  const again = await bench.open();
  expect(text(again.getSync("a"))).toBe("1");
  expect(again.has("c")).toBe(false);
  await again.close();
});

test("what a failed fsync left in the page cache only is durable after a reopen and a sync", async () => {
  const bench = new Bench();
  const db = await bench.open();
  const fault = { type: "error", code: "EIO", pages: "marked-clean" } as const;
  await db.put("a", "1", { sync: "never" });
  bench.fileSystem.faults.add({ kind: "sync", fault });
  await expect(db.sync()).rejects.toMatchObject({ code: "BITCASK_SYNC_FAILED" });
  await db.close().catch(() => undefined);
  const again = await bench.open();
  const seen = text(again.getSync("a"));
  await again.sync();
  bench.cutPower();
  const last = await bench.open();
  expect(text(last.getSync("a"))).toBe(seen);
  await last.close();
});

test("a failed write stops the store and loses nothing that was acknowledged", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  const fault = { type: "error", code: "EIO", writtenBytes: 10 } as const;
  bench.fileSystem.faults.add({ kind: "write", path: /\.data$/, fault });
  await expect(db.put("b", "2")).rejects.toMatchObject({ code: "BITCASK_WRITE_FAILED" });
  await expect(db.close()).rejects.toMatchObject({ code: "BITCASK_WRITE_FAILED" });
  const again = await bench.open();
  expect(text(again.getSync("a"))).toBe("1");
  expect(again.stats().open.tornTail?.bytes).toBe(9); // The tenth is a zero.
  await again.put("b", "3");
  await again.close();
});

test("a full disk refuses writes, serves reads, and heals without a reopen", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  const used = bench.names().reduce((sum, name) => {
    return sum + bench.fileSystem.contents(bench.path(name)).length;
  }, 0);
  bench.fileSystem.capacityBytes = used + 4096;
  const big = new Uint8Array(60_000);
  const refused = { code: "BITCASK_DISK_FULL", outcome: "not-applied" };
  const first = db.put("big", big);
  const follower = db.put("b", "2");
  await expect(first).rejects.toMatchObject(refused);
  await expect(follower).rejects.toMatchObject(refused);
  expect(text(db.getSync("a"))).toBe("1");
  expect(db.has("big")).toBe(false);
  bench.fileSystem.capacityBytes = Number.POSITIVE_INFINITY;
  await db.put("big", big);
  await db.put("c", "3");
  await db.close();
  const again = await bench.open();
  expect(again.getSync("big")?.length).toBe(60_000);
  expect([again.has("a"), again.has("b"), again.has("c")]).toEqual([true, false, true]);
  await again.close();
});

test("a rotation without room refuses the write and is tried again later", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 512 });
  await db.put("a", new Uint8Array(400));
  bench.fileSystem.faults.add({
    kind: "write",
    path: /0000000002\.data$/,
    fault: { type: "error", code: "ENOSPC" },
  });
  await expect(db.put("b", new Uint8Array(400))).rejects.toMatchObject({
    code: "BITCASK_DISK_FULL",
    outcome: "not-applied",
  });
  await db.put("b", new Uint8Array(300));
  expect(db.getSync("b")?.length).toBe(300);
  expect(db.stats().files.length).toBe(2);
  await db.close();
});

test("a merge without room gives up, leaves no file behind, and can be repeated", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 512, autoMerge: false });
  for (let index = 0; index < 40; index++) await db.put(`k${index % 5}`, `value ${index}`);
  const before = bench.names();
  bench.fileSystem.faults.add({
    kind: "write",
    path: /\.data\.tmp$/,
    fault: { type: "error", code: "ENOSPC" },
    times: 100,
  });
  await expect(db.merge()).rejects.toMatchObject({ code: "BITCASK_DISK_FULL" });
  // The merge seals the active file first; that much stays.
  expect(bench.names().filter((name) => name.endsWith(".tmp"))).toEqual([]);
  expect(bench.names().filter((name) => !before.includes(name)).length).toBeLessThanOrEqual(2);
  bench.fileSystem.faults.clear();
  expect((await db.merge()).bytesReclaimed).toBeGreaterThan(0);
  for (let index = 0; index < 5; index++) {
    expect(text(db.getSync(`k${index}`))).toBe(`value ${35 + index}`);
  }
  await db.close();
});

test("once a merge has stopped the store, no write that waited meanwhile is called a success", async () => {
  const outcomes: string[] = [];
  for (let head = 0; head < 24; head += 1) {
    const bench = new Bench();
    const db = await bench.open({ dataFileMaxBytes: 512, autoMerge: false });
    for (let index = 0; index < 40; index++) await db.put(`k${index % 5}`, `value ${index}`);
    const fault = { type: "error", code: "EIO" } as const;
    bench.fileSystem.faults.add({ kind: "write", path: /\.data\.tmp$/, fault });
    let isStopped = false;
    const merge = db.merge().catch((error: unknown) => {
      isStopped = true;
      return error;
    });
    // Some turns ahead of the merge's failure, so that one or the other write meets it while it waits.
    for (let turn = 0; turn < head; turn += 1) await Promise.resolve();
    const writes = Array.from({ length: 60 }, async (_, index) => {
      const sync = index % 2 === 0 ? "always" : "never";
      const write = db.put(`w${index}`, "x".repeat(100), { sync });
      const outcome = await write.then(
        () => "applied",
        (error: { code: string }) => error.code,
      );
      if (isStopped) outcomes.push(outcome);
    });
    expect(await merge).toMatchObject({ code: "BITCASK_WRITE_FAILED" });
    await Promise.all(writes);
    await expect(db.close()).rejects.toMatchObject({ code: "BITCASK_WRITE_FAILED" });
  }
  expect(new Set(outcomes)).toEqual(new Set(["BITCASK_WRITE_FAILED"]));
});

test("a directory that may not be written is refused with a code and advice", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.close();
  bench.fileSystem.isReadOnly = true;
  const refused = bench.open();
  await expect(refused).rejects.toMatchObject({ code: "BITCASK_ACCESS_DENIED" });
  await expect(refused).rejects.toThrow(/read-only/);
});

test("an exception inside of a commit stops the store instead of leaving writes unanswered", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  const { clock } = bench;
  const measured = clock.monotonicMs.bind(clock);
  clock.monotonicMs = () => {
    throw new Error("the clock broke");
  };
  const failed = db.put("b", "2");
  const follower = db.put("c", "3");
  await expect(failed).rejects.toMatchObject({ code: "BITCASK_WRITE_FAILED" });
  await expect(follower).rejects.toMatchObject({ code: "BITCASK_WRITE_FAILED" });
  clock.monotonicMs = measured;
  expect(() => db.getSync("a")).toThrow(/should not exist/);
  await expect(db.close()).rejects.toMatchObject({ code: "BITCASK_WRITE_FAILED" });
  const again = await bench.open();
  expect(text(again.getSync("a"))).toBe("1");
  await again.close();
});

describe("without a descriptor left", () => {
  const outOfDescriptors = { type: "error", code: "EMFILE" } as const;

  test("a rotation refuses its write, and goes on when there is one", async () => {
    const bench = new Bench();
    const db = await bench.open({ dataFileMaxBytes: 512 });
    await db.put("a", new Uint8Array(400));
    const mend = bench.fileSystem.faults.add({
      kind: "sync-directory",
      fault: outOfDescriptors,
      times: 1000,
    });
    const refused = { code: "BITCASK_TOO_MANY_FILES", outcome: "not-applied" };
    await expect(db.put("b", new Uint8Array(400))).rejects.toMatchObject(refused);
    expect(db.getSync("a")?.length).toBe(400);
    mend();
    await db.put("b", new Uint8Array(400));
    await db.close();
    const again = await bench.open();
    expect([again.has("a"), again.has("b")]).toEqual([true, true]);
    await again.close();
  });

  test("a rotation waits for one to sync the directory, at any of its syncs", async () => {
    for (const skip of [0, 1]) {
      const bench = new Bench();
      const db = await bench.open({ dataFileMaxBytes: 512 });
      await db.put("a", new Uint8Array(400));
      bench.fileSystem.faults.add({
        kind: "sync-directory",
        fault: outOfDescriptors,
        skip,
        times: 9,
      });
      await db.put("b", new Uint8Array(400));
      await db.close();
    }
  });

  test("a read gives up a descriptor of another file", async () => {
    const bench = new Bench();
    const db = await bench.open({ dataFileMaxBytes: 512, autoMerge: false });
    for (const key of ["a", "b", "c"]) await db.put(key, new Uint8Array(400));
    await db.close();
    const again = await bench.open();
    expect(again.getSync("a")?.length).toBe(400);
    bench.fileSystem.faults.add({ kind: "open", path: /0002\.data$/, fault: outOfDescriptors });
    expect(again.getSync("b")?.length).toBe(400);
    await again.close();
  });
});
