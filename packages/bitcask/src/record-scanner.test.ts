import { expect, test } from "vitest";
import { recordBytes, sealRecord, writeRecord } from "./record-format.js";
import { findWitness, scanRecords } from "./record-scanner.js";
import { MemoryFileSystem } from "./testing/index.js";

const SALT = 99;

/** A file of records of the given value sizes, each written when `unsynced` bytes before it were. */
async function fileOf(sizes: readonly number[], unsynced: number) {
  const fileSystem = new MemoryFileSystem();
  const handle = fileSystem.openSync("/f", "create-exclusive");
  const starts: number[] = [];
  let end = 0;
  for (const [index, size] of sizes.entries()) {
    const content = { key: Buffer.from("k"), value: Buffer.alloc(size, index), expiresAt: 0 };
    const record = Buffer.alloc(recordBytes(content, 0));
    writeRecord(record, 0, content, 0);
    const seal = { sequence: index + 1, unsyncedBytes: Math.min(unsynced, end), salt: SALT };
    sealRecord(record, 0, record.length, seal);
    await handle.write(record, end);
    starts.push(end);
    end += record.length;
  }
  return { fileSystem, starts, end, source: { handle, salt: SALT, cipher: undefined, path: "/f" } };
}

test("every record is visited once, across windows and beyond their size", async () => {
  const sizes = [10, 3_000_000, 0, 600_000, 600_000, 1];
  const { source, starts, end } = await fileOf(sizes, 0);
  const seen: number[][] = [];
  const stop = await scanRecords(source, 0, end, (header, buffer, at, position) => {
    const valueStart = at + header.keyStart + header.keySize;
    const value = buffer.subarray(valueStart, valueStart + header.valueSize);
    expect(value.every((byte) => byte === header.sequence - 1)).toBe(true);
    seen.push([position, header.valueSize]);
  });
  expect(stop).toEqual({ offset: end, fault: undefined });
  expect(seen).toEqual(starts.map((start, index) => [start, sizes[index]]));
});

test("a scan stops at the first bytes that are no record", async () => {
  const { fileSystem, source, starts, end } = await fileOf([10, 10, 10], 0);
  fileSystem.flipBit("/f", (starts[1] as number) + 30, 0);
  let count = 0;
  const stop = await scanRecords(source, 0, end, () => {
    count += 1;
  });
  expect([count, stop.offset]).toEqual([1, starts[1]]);
  const short = await scanRecords(source, 0, (starts[1] as number) + 5, () => undefined);
  expect(short).toEqual({ offset: starts[1], fault: "header is cut short" });
});

test("a later record is a witness only when it says that the damage had been synced", async () => {
  for (const [unsynced, hasWitness] of [
    [0, true],
    [1000, false],
  ] as const) {
    const { source, starts, end } = await fileOf([10, 10, 10, 10], unsynced);
    const witness = await findWitness(source, starts[1] as number, end, 1);
    expect(witness).toBe(hasWitness ? starts[2] : undefined);
  }
});

test("a record within a value is not mistaken for a witness of another file", async () => {
  const { source, end } = await fileOf([50, 50], 0);
  const other = { ...source, salt: SALT + 1 };
  expect(await findWitness(other, 0, end, 0)).toBeUndefined();
});
