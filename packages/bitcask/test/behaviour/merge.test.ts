import { expect, test } from "vitest";
import type { Bitcask, BitcaskEvent } from "../../src/index.js";
import { Bench, collect, text } from "./bench-store.js";

const SMALL_FILES = { dataFileMaxBytes: 4096, sync: "never" } as const;

/** Overwrites ten keys until there are some sealed files with little that is live. */
async function overwrite(db: Bitcask, rounds = 100): Promise<void> {
  for (let round = 0; round < rounds; round++) await db.put(`key-${round % 10}`, `value ${round}`);
}

async function expectNewest(db: Bitcask, rounds = 100): Promise<void> {
  const rows = await collect(db.entries());
  expect(rows.map(({ value }) => text(value))).toEqual(
    Array.from({ length: 10 }, (_, index) => `value ${rounds - 10 + index}`),
  );
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 10_000) throw new Error("it never came to be");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a merge in the background tells how it begins, goes on and ends", async () => {
  const events: BitcaskEvent[] = [];
  const bench = new Bench();
  const db = await bench.open({ ...SMALL_FILES, onEvent: (event) => events.push(event) });
  await overwrite(db, 300);
  await until(() => events.some(({ type }) => type === "merge-ended"));
  const [begun, ended] = events;
  expect(begun).toMatchObject({ type: "merge-begun" });
  expect(ended).toMatchObject({ type: "merge-ended", bytesReclaimed: expect.any(Number) });
  expect(db.stats().merge.completedSteps).toBeGreaterThan(0);
  await expectNewest(db, 300);
  await db.close();
});

test("an observer that throws disturbs nothing", async () => {
  const bench = new Bench();
  const db = await bench.open({
    ...SMALL_FILES,
    onEvent: () => {
      throw new Error("not my day");
    },
  });
  await overwrite(db);
  await db.merge();
  await expectNewest(db);
  await db.close();
});

test("a damaged file is left as it is, and the others are merged", async () => {
  const events: BitcaskEvent[] = [];
  const bench = new Bench();
  const options = { ...SMALL_FILES, autoMerge: false };
  const db = await bench.open({ ...options, onEvent: (event) => events.push(event) });
  await overwrite(db, 600);
  const before = db.stats().files.length;
  const damaged = bench.path("0000000002.data");
  bench.fileSystem.flipBit(damaged, 1000, 0);
  await expect(db.merge()).rejects.toMatchObject({ code: "BITCASK_CORRUPT", file: damaged });
  const ids = db.stats().files.map(({ id }) => id);
  expect(ids).toContain(2);
  expect(ids.length).toBeLessThan(before);
  expect(events.map(({ type }) => type)).toEqual([
    "merge-begun",
    "merge-failed",
    "merge-begun",
    "merge-ended",
  ]);
  await expectNewest(db, 600);
  await db.close();
});

test("a damaged file does not keep merges in the background from the others", async () => {
  const bench = new Bench();
  const filled = await bench.open({ ...SMALL_FILES, autoMerge: false });
  await overwrite(filled, 300);
  await filled.close();
  bench.fileSystem.flipBit(bench.path("0000000002.data"), 1000, 0);
  const failures: unknown[] = [];
  const onEvent = (event: BitcaskEvent) => {
    if (event.type === "merge-failed") failures.push(event.error);
  };
  const db = await bench.open({ ...SMALL_FILES, onEvent });
  await until(() => db.stats().merge.completedSteps > 0);
  await overwrite(db, 600);
  await until(() => db.stats().files.length <= 3);
  expect(failures.length).toBe(1);
  expect(db.stats().files.map(({ id }) => id)).toContain(2);
  await expectNewest(db, 600);
  await db.close();
});

test("with room for little, files are merged one by one, and those without live data go first", async () => {
  const bench = new Bench();
  const db = await bench.open({ ...SMALL_FILES, autoMerge: false });
  await db.put("old", "x".repeat(2000));
  await db.put("kept", "x".repeat(1500));
  await overwrite(db, 300);
  const before = db.stats().files.length;
  // Room for a manifest, but not for what one step over all files would write.
  bench.fileSystem.capacityBytes = bench.fileSystem.snapshot().usedBytes() + 1500;
  await db.merge().catch(() => undefined);
  expect(db.stats().files.length).toBeLessThan(before);
  bench.fileSystem.capacityBytes = Number.POSITIVE_INFINITY;
  await db.merge();
  expect(text(db.getSync("old"))).toBe("x".repeat(2000));
  await db.close();
});

test("after a full disk the background tries again by itself", async () => {
  const bench = new Bench();
  const filled = await bench.open({ ...SMALL_FILES, autoMerge: false });
  await overwrite(filled, 300);
  await filled.close();
  const fault = { type: "error", code: "ENOSPC" } as const;
  const path = /\.(data|hint)\.tmp$|manifest\.tmp$/;
  const failures: unknown[] = [];
  const onEvent = (event: BitcaskEvent) => {
    if (event.type === "merge-failed") failures.push(event.error);
  };
  const db = await bench.open({ ...SMALL_FILES, onEvent });
  const mend = bench.fileSystem.faults.add({ kind: "create", path, fault, times: 1000 });
  await until(() => failures.length > 0);
  mend();
  bench.clock.advance(10_000);
  await until(() => db.stats().merge.completedSteps > 0);
  await expectNewest(db, 300);
  await db.close();
});
