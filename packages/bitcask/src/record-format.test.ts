import { expect, test } from "vitest";
import {
  BATCH_END,
  BATCH_PART,
  CONTROL,
  createRecordHeader,
  EXPIRY_BYTES,
  HAS_EXPIRY,
  hasValidCrc,
  headerFault,
  RECORD_HEADER_BYTES,
  RESERVED_FLAG,
  readRecordHeader,
  readUint64,
  recordBytes,
  sealRecord,
  syncedBefore,
  TOMBSTONE,
  writeRecord,
  writeUint64,
} from "./record-format.js";

const key = Buffer.from("key");
const value = Buffer.from("value");
const seal = { sequence: 2 ** 53 - 1, unsyncedBytes: 5, salt: 0xdeadbeef };

function encode(content: Parameters<typeof writeRecord>[2], flags = 0): Buffer {
  const bytes = Buffer.alloc(recordBytes(content, flags));
  expect(writeRecord(bytes, 0, content, flags)).toBe(bytes.length);
  sealRecord(bytes, 0, bytes.length, seal);
  return bytes;
}

test("a record reads back as it was written", () => {
  const bytes = encode({ key, value, expiresAt: 2 ** 41 }, BATCH_PART);
  const header = createRecordHeader();
  readRecordHeader(bytes, 0, header);
  expect(header).toMatchObject({
    flags: HAS_EXPIRY | BATCH_PART,
    keySize: 3,
    valueSize: 5,
    unsyncedBytes: 5,
    sequence: 2 ** 53 - 1,
    expiresAt: 2 ** 41,
    keyStart: RECORD_HEADER_BYTES + EXPIRY_BYTES,
    recordSize: bytes.length,
  });
  expect(headerFault(header, bytes.length)).toBeUndefined();
  expect(hasValidCrc(bytes, 0, header, seal.salt)).toBe(true);
  expect(bytes.toString("latin1", header.keyStart)).toBe("keyvalue");
});

test("any bit that is turned over, and any other file's salt, spoils the checksum", () => {
  const bytes = encode({ key, value: undefined, expiresAt: 0 });
  const header = createRecordHeader();
  readRecordHeader(bytes, 0, header);
  expect(header.flags).toBe(TOMBSTONE);
  expect(hasValidCrc(bytes, 0, header, seal.salt + 1)).toBe(false);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    readRecordHeader(flipped, 0, header);
    const isSound =
      headerFault(header, bytes.length) === undefined &&
      header.recordSize === bytes.length &&
      hasValidCrc(flipped, 0, header, seal.salt);
    expect(isSound, `bit ${bit}`).toBe(false);
  }
});

test("headers that no writer makes are named", () => {
  const fault = (change: Partial<ReturnType<typeof createRecordHeader>>, available = 1000) => {
    const bytes = encode({ key, value, expiresAt: 0 });
    const header = createRecordHeader();
    readRecordHeader(bytes, 0, header);
    return headerFault({ ...header, ...change }, available);
  };
  expect(fault({})).toBeUndefined();
  expect(fault({ flags: RESERVED_FLAG })).toMatch(/reserved/);
  expect(fault({ keySize: 0 })).toMatch(/empty key/);
  expect(fault({ flags: TOMBSTONE })).toMatch(/tombstone/);
  expect(fault({ flags: BATCH_PART | BATCH_END })).toMatch(/batch/);
  expect(fault({ flags: CONTROL })).toMatch(/control/);
  expect(fault({ sequence: 0 })).toMatch(/sequence/);
  expect(fault({ sequence: 2 ** 60 })).toMatch(/sequence/);
  expect(fault({}, 20)).toMatch(/past the end/);
});

test("64-bit numbers keep all bits of a safe integer", () => {
  const bytes = Buffer.alloc(8);
  for (const number of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
    writeUint64(bytes, number, 0);
    expect(readUint64(bytes, 0)).toBe(number);
    expect(bytes.readBigUInt64LE(0)).toBe(BigInt(number));
  }
});

test("a distance as large as can be written proves nothing", () => {
  const header = createRecordHeader();
  header.unsyncedBytes = 100;
  expect(syncedBefore(header, 2 ** 33)).toBe(2 ** 33 - 100);
  header.unsyncedBytes = 2 ** 32 - 1;
  expect(syncedBefore(header, 2 ** 33)).toBe(0);
});

test("a size that no record can have is garbage, however large the file is", () => {
  const header = { ...createRecordHeader(), keySize: 1, sequence: 1 };
  header.valueSize = 3 * 2 ** 30;
  header.recordSize = RECORD_HEADER_BYTES + 1 + header.valueSize;
  expect(headerFault(header, 2 ** 40)).toBe("record is larger than any can be");
  header.valueSize = 2 ** 30;
  header.recordSize = RECORD_HEADER_BYTES + 1 + header.valueSize;
  expect(headerFault(header, 2 ** 40)).toBeUndefined();
});
