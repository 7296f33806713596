import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import type { Bitcask } from "../../src/index.js";
import { Bench, collect, text } from "./bench-store.js";

const ACTIVE = "0000000001.data";

async function filled(bench: Bench, options = {}): Promise<Bitcask> {
  const db = await bench.open(options);
  for (let index = 0; index < 10; index++) await db.put(`key-${index}`, `value ${index}`);
  return db;
}

/** The file without the zeros reserved behind its records, none of which ends with one. */
function bytesOf(bench: Bench, name: string): Buffer {
  const bytes = Buffer.from(bench.fileSystem.contents(bench.path(name)));
  return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
}

test("a torn end is cut and reported; what was acknowledged before is there", async () => {
  const bench = new Bench();
  const db = await filled(bench);
  void db;
  bench.kill();
  const whole = bytesOf(bench, ACTIVE);
  await bench.write(ACTIVE, Buffer.concat([whole, whole.subarray(64, 80)]));
  const again = await bench.open();
  expect(again.stats().open.tornTail).toMatchObject({ offset: whole.length, bytes: 9 });
  expect(again.stats().keys).toBe(10);
  await again.put("more", "1");
  await again.close();
  const last = await bench.open();
  expect(last.stats().open.tornTail).toBeUndefined();
  expect(last.stats().keys).toBe(11);
  await last.close();
});

test("a batch whose end is missing never happened", async () => {
  const bench = new Bench();
  const db = await filled(bench);
  const before = bytesOf(bench, ACTIVE).length;
  await db.batch([
    { type: "put", key: "key-1", value: "changed" },
    { type: "delete", key: "key-2" },
  ]);
  bench.kill();
  const whole = bytesOf(bench, ACTIVE);
  await bench.write(ACTIVE, whole.subarray(0, whole.length - 5));
  const again = await bench.open();
  expect(again.stats().open.tornTail).toMatchObject({ offset: before });
  expect(text(again.getSync("key-1"))).toBe("value 1");
  expect(again.has("key-2")).toBe(true);
  await again.close();
});

test("damage ahead of records that prove it synced is refused, and nothing is changed", async () => {
  const bench = new Bench();
  await filled(bench);
  bench.kill();
  bench.fileSystem.flipBit(bench.path(ACTIVE), 100, 3);
  const before = bytesOf(bench, ACTIVE);
  const refused = bench.open();
  await expect(refused).rejects.toMatchObject({
    code: "BITCASK_CORRUPT",
    file: bench.path(ACTIVE),
    offset: 64 + 24 + 5 + 7,
  });
  await expect(refused).rejects.toThrow(/had been stored for good/);
  expect(bytesOf(bench, ACTIVE).equals(before)).toBe(true);
  expect(bench.names()).not.toContain("lock");
});

test("after a clean close even the last record is known to be damaged", async () => {
  const bench = new Bench();
  const db = await filled(bench);
  await db.close();
  bench.fileSystem.flipBit(bench.path(ACTIVE), bytesOf(bench, ACTIVE).length - 1, 0);
  await expect(bench.open()).rejects.toMatchObject({ code: "BITCASK_CORRUPT" });
});

test("a file that was removed, cut or swapped is found", async () => {
  const tiny = { dataFileMaxBytes: 256, autoMerge: false };
  const damage: ((bench: Bench) => Promise<void>)[] = [
    (bench) => bench.fileSystem.unlink(bench.path(ACTIVE)),
    (bench) => bench.write(ACTIVE, bytesOf(bench, ACTIVE).subarray(0, 100)),
    (bench) => bench.write(ACTIVE, bytesOf(bench, "0000000002.data")),
    (bench) => bench.write("manifest", bytesOf(bench, "manifest").subarray(0, 50)),
    (bench) => bench.fileSystem.unlink(bench.path("manifest")),
  ];
  for (const harm of damage) {
    const bench = new Bench();
    await (await filled(bench, tiny)).close();
    await harm(bench);
    await expect(bench.open(tiny)).rejects.toMatchObject({ code: "BITCASK_CORRUPT" });
  }
});

test("a damaged hint costs a scan and nothing else", async () => {
  const tiny = { dataFileMaxBytes: 256, autoMerge: false };
  const bench = new Bench();
  const full = await filled(bench, tiny);
  for (let index = 10; index < 50; index++) await full.put(`key-${index}`, `value ${index}`);
  await full.close();
  const hint = bench.names().find((name) => name.endsWith(".hint")) ?? "";
  bench.fileSystem.flipBit(bench.path(hint), 90, 1);
  const db = await bench.open(tiny);
  expect(db.stats().open.ignoredHints).toEqual([
    { file: bench.path(hint), reason: "entries checksum" },
  ]);
  expect(db.stats().open.hintEntriesLoaded).toBeGreaterThan(0);
  expect(db.stats().keys).toBe(50);
  await db.close();
});

test("a store of a newer format is refused with what to do", async () => {
  const bench = new Bench();
  await (await filled(bench)).close();
  const manifest = bytesOf(bench, "manifest").toString();
  await bench.write(
    "manifest",
    Buffer.from(manifest.replace("TITAN-BITCASK 1", "TITAN-BITCASK 2")),
  );
  const refused = bench.open();
  await expect(refused).rejects.toMatchObject({ code: "BITCASK_NEWER_FORMAT" });
  await expect(refused).rejects.toThrow(/newer release/);
});

test("a data file that needs an unknown feature is refused, not misread", async () => {
  const bench = new Bench();
  await (await filled(bench)).close();
  const bytes = bytesOf(bench, ACTIVE);
  bytes.writeUInt16LE(2, 10); // A flag of a later release.
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  await bench.write(ACTIVE, bytes);
  await expect(bench.open()).rejects.toMatchObject({ code: "BITCASK_NEWER_FORMAT" });
});

test("files that are not the store's are left alone and reported", async () => {
  const bench = new Bench();
  await (await filled(bench)).close();
  await bench.write("notes.txt", Buffer.from("mine"));
  await bench.write("0000000002.data", Buffer.alloc(100, 1));
  const db = await bench.open({ dataFileMaxBytes: 256 });
  expect(db.stats().open.foreignFiles).toEqual(["0000000002.data", "notes.txt"]);
  for (let index = 0; index < 10; index++) await db.put(`more-${index}`, "x".repeat(50));
  await db.close();
  expect(bytesOf(bench, "notes.txt").toString()).toBe("mine");
  expect(bytesOf(bench, "0000000002.data").equals(Buffer.alloc(100, 1))).toBe(true);
});

test("writes go on while a merge runs, and scans keep what it replaces", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 512, autoMerge: false, sync: "never" });
  for (let index = 0; index < 60; index++) await db.put(`k${index % 12}`, `old ${index}`);
  const scan = db.entries();
  const first = await scan.next();
  const merge = db.merge();
  const writes: Promise<unknown>[] = [];
  for (let index = 0; index < 12; index++) {
    if (index % 3 === 0) writes.push(db.put(`k${index}`, "new"));
    if (index % 3 === 1) writes.push(db.delete(`k${index}`));
    await Promise.resolve();
  }
  await Promise.all(writes);
  await merge;
  const rest = await collect({ [Symbol.asyncIterator]: () => scan });
  const values = [first.value, ...rest].map((entry) => entry && text(entry.value));
  expect(values.length).toBe(12);
  expect(values.every((value) => value?.startsWith("old"))).toBe(true);
  const expectNow = (store: Bitcask) => {
    for (let index = 0; index < 12; index++) {
      const kept = index % 3 === 2 ? `old ${48 + index}` : undefined;
      expect(text(store.getSync(`k${index}`))).toBe(index % 3 === 0 ? "new" : kept);
    }
  };
  expectNow(db);
  await db.close();
  const again = await bench.open();
  expectNow(again);
  await again.close();
});
