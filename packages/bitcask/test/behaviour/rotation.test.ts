import { expect, test } from "vitest";
import type { Bitcask } from "../../src/index.js";
import { Bench } from "./bench-store.js";

const SMALL_FILES = { dataFileMaxBytes: 4096, autoMerge: false };

/** A store with many files behind it, whose active file holds `count` records, each synced. */
async function withFreshFile(bench: Bench, count: number): Promise<Bitcask> {
  const db = await bench.open(SMALL_FILES);
  for (let index = 0; index < 1000; index++) await db.put(`key-${index}`, `value ${index}`);
  const files = db.stats().files.length;
  while (db.stats().files.length === files) await db.put("filler", "x".repeat(100));
  for (let index = 1; index < count; index++) await db.put(`late-${index}`, "acknowledged");
  return db;
}

function activeFile(bench: Bench): string {
  const names = bench.names().filter((name) => name.endsWith(".data"));
  return bench.path(names.sort().at(-1) as string);
}

test("rot in the first record of a fresh active file is refused, not cut with all behind it", async () => {
  const bench = new Bench();
  await withFreshFile(bench, 6);
  bench.kill();
  bench.fileSystem.flipBit(activeFile(bench), 64 + 30, 3);
  await expect(bench.open(SMALL_FILES)).rejects.toMatchObject({
    code: "BITCASK_CORRUPT",
    offset: 64,
  });
});

test("a file counts as sealed only once the manifest says so: until then merges leave it alone", async () => {
  const bench = new Bench();
  const db = await bench.open(SMALL_FILES);
  const activeCounts: number[] = [];
  const rename = bench.fileSystem.rename.bind(bench.fileSystem);
  bench.fileSystem.rename = (from, to) => {
    activeCounts.push(db.stats().files.filter(({ isActive }) => isActive).length);
    return rename(from, to);
  };
  for (let index = 0; index < 200; index++) await db.put(`key-${index}`, "x".repeat(50));
  bench.fileSystem.rename = rename;
  expect(db.stats().files.length).toBeGreaterThan(2);
  expect(new Set(activeCounts)).toEqual(new Set([1]));
  await db.close();
});

test("no data file is larger than allowed, however many writes are called at once", async () => {
  for (const sync of ["always", "never"] as const) {
    const bench = new Bench();
    const db = await bench.open({ ...SMALL_FILES, sync });
    const calls: Promise<unknown>[] = [];
    for (let index = 0; index < 3000; index++) {
      calls.push(db.put(`key-${index % 700}`, "x".repeat(index % 120)));
      if (index % 7 === 0) calls.push(db.delete(`key-${(index * 5) % 700}`));
      // As if others had begun a file in between: what was planned for the old one meets a new one.
      if (index % 1000 === 500) calls.push(db.merge());
    }
    await Promise.all(calls);
    const sizes = db.stats().files.map(({ bytes }) => bytes);
    expect(sizes.length).toBeGreaterThan(10);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(SMALL_FILES.dataFileMaxBytes);
    await db.close();
  }
});

test("a record that no file can hold has one for itself, with nothing called beside it", async () => {
  const bench = new Bench();
  const db = await bench.open(SMALL_FILES);
  const large = new Uint8Array(10_000);
  const small = Array.from({ length: 40 }, (_, index) => db.put(`small-${index}`, "x"));
  await Promise.all([db.put("large", large), ...small, db.put("larger", large)]);
  const sizes = db.stats().files.map(({ bytes }) => bytes);
  const beyond = sizes.filter((bytes) => bytes > SMALL_FILES.dataFileMaxBytes);
  expect(beyond).toHaveLength(2);
  expect(Math.max(...sizes)).toBeLessThan(64 + 24 + "larger".length + large.length + 1);
  await db.close();
});
