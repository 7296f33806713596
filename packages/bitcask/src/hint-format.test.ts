import { expect, test } from "vitest";
import {
  createHintEntry,
  decodeHintHeader,
  encodeHintHeader,
  hintEntryBytes,
  hintedRecordSize,
  readHintEntry,
  writeHintEntry,
} from "./hint-format.js";
import { HAS_EXPIRY, recordBytes, TOMBSTONE } from "./record-format.js";

const header = {
  fileId: 9,
  storeId: "00112233445566778899aabbccddeeff",
  salt: 5,
  coveredBytes: 2 ** 40,
  entryCount: 3,
  entriesCrc: 0xffff_fff0,
};

test("a header reads back; damage is told in words, never thrown", () => {
  const bytes = encodeHintHeader(header);
  expect(decodeHintHeader(bytes)).toEqual({ ...header, isPacked: true });
  expect(decodeHintHeader(bytes.subarray(0, 10))).toMatch(/short/);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(typeof decodeHintHeader(flipped)).toBe("string");
  }
});

test("entries read back, and know the size of their record", () => {
  const key = Buffer.from("some key");
  const bytes = Buffer.alloc(200);
  const live = {
    sequence: 2 ** 53 - 1,
    flags: HAS_EXPIRY,
    valueSize: 100,
    position: 2 ** 47,
    expiresAt: 7,
  };
  const dead = { sequence: 1, flags: TOMBSTONE, valueSize: 0, position: 64, expiresAt: 0 };
  const middle = writeHintEntry(bytes, 0, live, key);
  const end = writeHintEntry(bytes, middle, dead, key);
  expect(middle).toBe(hintEntryBytes(key.length, HAS_EXPIRY));
  const entry = createHintEntry();
  expect(readHintEntry(bytes, 0, entry)).toBe(true);
  expect(entry).toMatchObject({ ...live, end: middle });
  expect(bytes.toString("latin1", entry.keyStart, entry.end)).toBe("some key");
  const value = new Uint8Array(100);
  expect(hintedRecordSize(entry)).toBe(recordBytes({ key, value, expiresAt: 7 }, 0));
  expect(readHintEntry(bytes, middle, entry)).toBe(true);
  expect(entry).toMatchObject({ ...dead, end });
  expect(readHintEntry(bytes.subarray(0, end - 1), middle, entry)).toBe(false);
});
