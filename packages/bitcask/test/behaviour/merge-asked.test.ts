/** Merges that a caller waits for, beside others that were asked for or that run in the background. */
import { expect, test } from "vitest";
import type { Bitcask, MergeResult } from "../../src/index.js";
import { Bench } from "./bench-store.js";

const MIB = 1024 * 1024;

/** Lets the event loop turn, with the clock standing still, until `result` is there. */
async function withoutTime(result: Promise<MergeResult>): Promise<MergeResult> {
  let isOver = false;
  const settled = result.finally(() => {
    isOver = true;
  });
  await turns(20_000, () => isOver);
  if (!isOver) throw new Error("it waits for time to pass");
  return settled;
}

async function turns(count: number, isEnough = () => false): Promise<void> {
  for (let turn = 0; turn < count && !isEnough(); turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Fills more than a file of 4 MiB, three quarters of it garbage. */
async function fillFile(db: Bitcask, name: string): Promise<void> {
  const value = Buffer.alloc(64 * 1024, name);
  for (let round = 0; round < 70; round++) {
    await db.put(`${name}-${round % 16}`, value, { sync: "never" });
  }
}

test("a merge that somebody waits for is not held up by the ration of one queued before it", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 4 * MIB });
  await fillFile(db, "a");
  await withoutTime(db.merge());
  expect(db.stats().merge.completedSteps).toBeGreaterThan(0);
  await db.close();
});

test("once nobody waits, work in the background is rationed again", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 4 * MIB, autoMerge: false });
  await fillFile(db, "a");
  await withoutTime(db.merge());
  await fillFile(db, "b");
  const hints = () => bench.names().filter((name) => name.endsWith(".hint")).length;
  const before = hints();
  await turns(2000);
  expect(bench.clock.timerCount).toBeGreaterThan(0);
  expect(hints()).toBe(before);
  await db.close();
});

test("a merge of everything that is asked for during another rewrites every file", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 600, autoMerge: false });
  for (let key = 0; key < 30; key++) await db.put(`kept-${key}`, "x".repeat(50));
  for (let round = 0; round < 30; round++) await db.put("key", `value ${round}`);
  const before = db.stats().files.map(({ id }) => id);
  const plain = db.merge();
  const [all, again, joined] = [db.merge({ all: true }), db.merge({ all: true }), db.merge()];
  const first = await plain;
  expect(first.filesMerged).toBeLessThan(before.length);
  expect((await all).filesMerged).toBeGreaterThan(0);
  expect(await again).toEqual(await all);
  expect(await joined).toEqual(await all);
  const after = db.stats().files.map(({ id }) => id);
  expect(after.filter((id) => before.includes(id))).toEqual([]);
  await db.close();
});
