import { expect, test } from "vitest";
import { PLAIN_RECORDS, RecordBuffer } from "./record-buffer.js";
import {
  BATCH_END,
  BATCH_PART,
  type RecordContent,
  recordBytes,
  sealRecord,
  writeRecord,
} from "./record-format.js";
import { SeededRandom } from "./testing/index.js";

const TEXTS = ["a", "sixteen bytes ok", "schlüssel", "鍵🔑", "x".repeat(49), "ü".repeat(49), ""];

test("records are, byte for byte, those of the plain encoder, whatever keys and values are made of", () => {
  const random = new SeededRandom(3);
  const file = { salt: 0xdeadbeef, size: 5000, durableSize: 400, cipher: undefined };
  const buffer = new RecordBuffer(16, 256, PLAIN_RECORDS);
  for (let round = 0; round < 200; round++) {
    const plain: Buffer[] = [];
    buffer.clear(round % 2 === 0 ? 0 : 1024);
    const count = 1 + random.nextInt(8);
    let sequence = 2 ** 32 - 4 + round;
    const first = sequence;
    for (let index = 0; index < count; index++) {
      const key = TEXTS[random.nextInt(TEXTS.length - 1)] as string;
      const value = random.nextInt(4) === 0 ? undefined : TEXTS[random.nextInt(TEXTS.length)];
      const expiresAt = value !== undefined && random.nextInt(2) === 0 ? 2 ** 41 + index : 0;
      const flags = index < count - 1 ? BATCH_PART : BATCH_END;
      const asBytes = random.nextInt(2) === 0;
      buffer.append(asBytes ? Buffer.from(key) : key, value, expiresAt, flags);
      const content: RecordContent = {
        key: Buffer.from(key),
        value: value === undefined ? undefined : Buffer.from(value),
        expiresAt,
      };
      const record = Buffer.alloc(recordBytes(content, flags));
      writeRecord(record, 0, content, flags);
      const unsyncedBytes = 4600 + plain.reduce((sum, { length }) => sum + length, 0);
      sealRecord(record, 0, record.length, { sequence, unsyncedBytes, salt: file.salt });
      sequence += 1;
      plain.push(record);
    }
    expect(buffer.seal(0, buffer.length, first, file)).toBe(count);
    expect(buffer.bytes.subarray(0, buffer.length).equals(Buffer.concat(plain))).toBe(true);
  }
});

test("a string that UTF-8 cannot express leaves the records before it as they were", () => {
  const buffer = new RecordBuffer(16, 256, PLAIN_RECORDS);
  buffer.append("a", "1", 0, 0);
  const { length } = buffer;
  const invalid = expect.objectContaining({ code: "BITCASK_INVALID_STRING" });
  expect(() => buffer.append("\ud800", "1", 0, 0)).toThrow(invalid);
  expect(() => buffer.append("a", "\udc00".repeat(60), 0, 0)).toThrow(invalid);
  expect(buffer.length).toBe(length);
});
