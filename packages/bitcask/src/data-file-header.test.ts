import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import {
  DATA_HEADER_BYTES,
  decodeDataFileHeader,
  encodeDataFileHeader,
} from "./data-file-header.js";

const header = {
  fileId: 7,
  storeId: "00112233445566778899aabbccddeeff",
  salt: 0xfedcba98,
  isMerged: true,
  createdAtMs: 2 ** 41 + 5,
};

test("a header reads back as it was written, in 64 bytes", () => {
  const bytes = encodeDataFileHeader(header, undefined);
  expect(bytes.length).toBe(DATA_HEADER_BYTES);
  const keyCheck = Buffer.alloc(8);
  expect(decodeDataFileHeader(bytes, "f")).toEqual({ ...header, keyId: 0, keyCheck });
});

test("the header of an encrypted file names its key and what tells it from another", () => {
  const cipher = { keyId: 2 ** 32 - 1, keyCheck: Buffer.from("8 bytes!") };
  const bytes = encodeDataFileHeader(header, cipher);
  expect(decodeDataFileHeader(bytes, "f")).toEqual({ ...header, ...cipher });
});

test("every bit that is turned over is found", () => {
  const bytes = encodeDataFileHeader(header, undefined);
  for (let bit = 0; bit < DATA_HEADER_BYTES * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(() => decodeDataFileHeader(flipped, "f")).toThrow(
      expect.objectContaining({ code: "BITCASK_CORRUPT", file: "f" }),
    );
  }
});

test("a later version and unknown features are told apart from damage", () => {
  for (const [offset, value] of [
    [8, 2],
    [10, 2],
  ] as const) {
    const bytes = encodeDataFileHeader(header, undefined);
    bytes.writeUInt16LE(value, offset);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
    expect(() => decodeDataFileHeader(bytes, "f")).toThrow(
      expect.objectContaining({ code: "BITCASK_NEWER_FORMAT" }),
    );
  }
});
