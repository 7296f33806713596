/** The image that a store was opened from, while nothing is written and after that. */
import { expect, test } from "vitest";
import type { Bitcask } from "../../src/index.js";
import type { Bench } from "./bench-store.js";
import { IMAGE, keyOf, onOwnDisk, options, shown } from "./imaged-store.js";

test("a store in which nothing was written leaves its image as it lies there, and opens from it", async () => {
  const { bench, seen } = await onOwnDisk();
  const before = await bench.read(IMAGE);
  const written: number[] = [];
  bench.fileSystem.onOperation = ({ kind, path, length }) => {
    if (kind === "write" && path.includes(IMAGE)) written.push(length ?? 0);
  };
  for (let life = 0; life < 3; life += 1) {
    const db = await bench.open(options);
    expect(db.stats().open).toMatchObject({ recordsScanned: 0, ignoredHints: [] });
    expect(shown(db)).toEqual(seen);
    await db.close();
  }
  expect(written).toEqual([64, 64, 64]);
  const after = await bench.read(IMAGE);
  expect(after.subarray(64).equals(before.subarray(64))).toBe(true);
  expect(after.equals(before)).toBe(false);
});

test("whatever has changed, no image of before counts", async () => {
  const changes: ((db: Bitcask, bench: Bench) => Promise<unknown>)[] = [
    (db) => db.put(keyOf(1), "another value"),
    (db) => db.delete(keyOf(1)),
    (db) => db.merge({ all: true }),
    async (db, bench) => {
      // The first to expire does so now; that it was seen goes on record.
      bench.clock.advance(1200);
      for (const index of [0, 11, 22, 33, 44]) db.has(keyOf(index));
    },
  ];
  for (const change of changes) {
    const { bench } = await onOwnDisk();
    const db = await bench.open(options);
    await change(db, bench);
    const seen = shown(db);
    await db.close();
    const again = await bench.open(options);
    expect(again.stats().open).toMatchObject({ recordsScanned: 0, ignoredHints: [] });
    expect(shown(again)).toEqual(seen);
    await again.close();
  }
});

test("a kept image that somebody removed or spoilt meanwhile is written anew, or costs time", async () => {
  const { bench, seen } = await onOwnDisk();
  const db = await bench.open(options);
  await bench.fileSystem.unlink(bench.path(IMAGE));
  await db.close();
  expect(bench.names()).toContain(IMAGE);
  const second = await bench.open(options);
  await bench.write(IMAGE, Buffer.from("spoilt"));
  await second.close();
  const third = await bench.open(options);
  expect(third.stats().open).toMatchObject({ recordsScanned: 0, ignoredHints: [] });
  expect(shown(third)).toEqual(seen);
  bench.fileSystem.faults.add({
    kind: "write",
    path: /image$/,
    fault: { type: "error", code: "EIO" },
  });
  await third.close();
  const fourth = await bench.open(options);
  expect(shown(fourth)).toEqual(seen);
  await fourth.close();
  expect(bench.fileSystem.openHandleCount).toBe(0);
});
