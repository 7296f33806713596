import { createSecretKey } from "node:crypto";
import { expect, test } from "vitest";
import {
  createRecordHeader,
  ENCRYPTED,
  readRecordHeader,
  recordBytes,
  sealRecord,
  writeRecord,
} from "../record-format.js";
import { SeededRandom } from "../testing/index.js";
import { FileCipher } from "./file-cipher.js";

const identity = { keyId: 7, fileId: 3, storeId: "00112233445566778899aabbccddeeff", salt: 5 };
const master = createSecretKey(Buffer.alloc(32, 9));
const content = { key: Buffer.from("key"), value: Buffer.from("value"), expiresAt: 2 ** 41 };

function cipherOf(change: Partial<typeof identity> = {}, seed = 1): FileCipher {
  return new FileCipher(master, { ...identity, ...change }, new SeededRandom(seed));
}

function encode(cipher: FileCipher): Buffer {
  const bytes = Buffer.alloc(recordBytes(content, ENCRYPTED));
  expect(writeRecord(bytes, 0, content, ENCRYPTED)).toBe(bytes.length);
  sealRecord(bytes, 0, bytes.length, { sequence: 1, unsyncedBytes: 0, salt: 5, cipher });
  return bytes;
}

function decode(cipher: FileCipher, bytes: Buffer): string | undefined {
  const header = createRecordHeader();
  readRecordHeader(bytes, 0, header);
  if (header.recordSize !== bytes.length) return undefined;
  return cipher.open(bytes, 0, header)?.toString();
}

test("a record opens with the cipher of its file, and with no other", () => {
  const bytes = encode(cipherOf());
  expect(bytes.includes("key")).toBe(false);
  expect(decode(cipherOf({}, 2), bytes)).toBe("keyvalue");
  expect(decode(cipherOf({ fileId: 4 }), bytes)).toBeUndefined();
  expect(decode(cipherOf({ salt: 6 }), bytes)).toBeUndefined();
  expect(decode(cipherOf({ keyId: 8 }), bytes)).toBeUndefined();
  expect(decode(cipherOf({ storeId: "f".repeat(32) }), bytes)).toBeUndefined();
});

test("a record that was changed anywhere behind its checksum does not open", () => {
  const cipher = cipherOf();
  const bytes = encode(cipher);
  for (let at = 4; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 16;
    expect(decode(cipher, changed), `byte ${at}`).toBeUndefined();
  }
});

test("the same record, written again in the same place, gets another nonce and other bytes", () => {
  const cipher = cipherOf();
  const nonces = new Set<string>();
  for (let round = 0; round < 100; round += 1) {
    nonces.add(encode(cipher).toString("hex", 32, 44));
  }
  for (let process = 2; process < 10; process += 1) {
    nonces.add(encode(cipherOf({}, process)).toString("hex", 32, 44));
  }
  expect(nonces.size).toBe(108);
});
