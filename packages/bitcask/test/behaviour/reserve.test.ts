import { expect, test } from "vitest";
import { DATA_HEADER_BYTES } from "../../src/data-file-header.js";
import { verify } from "../../src/index.js";
import { Bench, DIRECTORY, text } from "./bench-store.js";

const ACTIVE = "0000000001.data";
const NEXT = "0000000002.data";

function sizeOf(bench: Bench, name: string): number {
  return bench.fileSystem.contents(bench.path(name)).length;
}

/** Bytes of records and header, which none of these tests ends with a zero. */
function usedBytes(bench: Bench, name: string): number {
  const bytes = bench.fileSystem.contents(bench.path(name));
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

test("durable writes reserve zeros ahead, which closing cuts off", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  const used = usedBytes(bench, ACTIVE);
  expect(sizeOf(bench, ACTIVE)).toBeGreaterThan(used + 8192);
  expect(db.stats().files[0]?.bytes).toBe(used);
  await db.close();
  expect(sizeOf(bench, ACTIVE)).toBe(used);
});

test("writes that are not synced at once reserve nothing", async () => {
  const bench = new Bench();
  const db = await bench.open({ sync: "never" });
  await db.put("a", "1");
  await db.sync();
  expect(sizeOf(bench, ACTIVE)).toBe(usedBytes(bench, ACTIVE));
  await db.close();
});

test("a reserve left by a killed process is no torn tail, and is cut", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  bench.kill();
  const used = usedBytes(bench, ACTIVE);
  const bytes = sizeOf(bench, ACTIVE) - used;
  const again = await bench.open();
  expect(again.stats().open.cutZeros).toEqual({ file: bench.path(ACTIVE), offset: used, bytes });
  expect(again.stats().open.tornTail).toBeUndefined();
  expect(sizeOf(bench, ACTIVE)).toBe(used);
  await again.put("b", "2");
  bench.cutPower();
  const last = await bench.open();
  expect([text(last.getSync("a")), text(last.getSync("b"))]).toEqual(["1", "2"]);
  await last.close();
});

test("a clean close leaves no zeros to be told of", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  await db.close();
  const again = await bench.open();
  expect(again.stats().open.cutZeros).toBeUndefined();
  await again.close();
});

test("a last synced group that reads as zeros cannot be told from a reserve, and is told of as one", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  const first = usedBytes(bench, ACTIVE);
  await db.put("b", "2");
  bench.kill();
  const bytes = Uint8Array.from(bench.fileSystem.contents(bench.path(ACTIVE)));
  bytes.fill(0, first);
  await bench.write(ACTIVE, bytes);
  const again = await bench.open();
  expect([text(again.getSync("a")), again.getSync("b")]).toEqual(["1", undefined]);
  const { cutZeros, tornTail } = again.stats().open;
  expect(cutZeros).toMatchObject({ offset: first, bytes: bytes.length - first });
  expect(tornTail).toBeUndefined();
  await again.close();
});

test("a sealed file has no reserve", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 1000, autoMerge: false });
  await db.put("a", "x".repeat(500));
  expect(sizeOf(bench, ACTIVE)).toBe(1000);
  await db.put("b", "x".repeat(500));
  expect(sizeOf(bench, ACTIVE)).toBe(usedBytes(bench, ACTIVE));
  expect(sizeOf(bench, NEXT)).toBe(1000);
  await db.close();
});

test("a write torn in the middle of the reserve is cut and reported", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  bench.kill();
  const used = usedBytes(bench, ACTIVE);
  const bytes = Uint8Array.from(bench.fileSystem.contents(bench.path(ACTIVE)));
  // The first sector of a longer write was lost, a later one was not.
  bytes.fill(0x77, 1024, 1536);
  await bench.write(ACTIVE, bytes);
  const again = await bench.open();
  expect(again.stats().open.tornTail).toMatchObject({ offset: used });
  expect(text(again.getSync("a"))).toBe("1");
  await again.close();
});

test("zeros in place of what had been synced are damage, not a reserve", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  await db.close();
  const used = sizeOf(bench, ACTIVE);
  const bytes = Uint8Array.from(bench.fileSystem.contents(bench.path(ACTIVE)));
  bytes.fill(0, DATA_HEADER_BYTES, used);
  await bench.write(ACTIVE, bytes);
  await expect(bench.open()).rejects.toMatchObject({
    code: "BITCASK_CORRUPT",
    offset: DATA_HEADER_BYTES,
  });
});

test("zeros ahead of a record that proves them synced are damage", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  const first = usedBytes(bench, ACTIVE);
  await db.put("b", "2");
  bench.kill();
  const bytes = Uint8Array.from(bench.fileSystem.contents(bench.path(ACTIVE)));
  bytes.fill(0, DATA_HEADER_BYTES, first);
  await bench.write(ACTIVE, bytes);
  await expect(bench.open()).rejects.toMatchObject({ code: "BITCASK_CORRUPT" });
});

test("a reserve is sound to verify and to readers beside the writer", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  const { fileSystem, clock } = bench;
  const ports = { fileSystem, clock };
  const report = await verify(DIRECTORY, { ports });
  expect(report).toMatchObject({ ok: true, records: 1, tornTail: undefined });
  const reader = await bench.open({ readOnly: true });
  expect(text(reader.getSync("a"))).toBe("1");
  await reader.close();
  await db.close();
});

test("a full disk costs the reserve, not the write", async () => {
  const bench = new Bench();
  const db = await bench.open();
  bench.fileSystem.capacityBytes = bench.fileSystem.snapshot().usedBytes() + 300;
  await db.put("a", "1");
  await expect(db.put("b", "x".repeat(500))).rejects.toMatchObject({ code: "BITCASK_DISK_FULL" });
  expect(text(db.getSync("a"))).toBe("1");
  bench.fileSystem.capacityBytes = Number.POSITIVE_INFINITY;
  await db.put("b", "x".repeat(500));
  await db.close();
});
