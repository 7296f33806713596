import fc from "fast-check";
import { expect, test } from "vitest";
import {
  encodeRecords,
  type OutgoingRecord,
  RECORD_KIND,
  type RecordKind,
  RecordReader,
} from "./tcp-record.js";

const anyRecord = fc.record({
  kind: fc.constantFrom<RecordKind>(...Object.values(RECORD_KIND)),
  body: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.integer({ min: 16_000, max: 20_000 }).map((size) => new Uint8Array(size).fill(size)),
  ),
});

function read(pieces: readonly Buffer[]): { found: OutgoingRecord[]; fault: string | undefined } {
  const found: OutgoingRecord[] = [];
  const onRecord = (kind: RecordKind, body: Uint8Array): number => found.push({ kind, body });
  const reader = new RecordReader({ maxBytes: () => 20_000, onRecord });
  for (const piece of pieces) {
    const fault = reader.push(piece);
    if (fault !== undefined) return { found, fault };
  }
  return { found, fault: reader.isWithinRecord ? "within" : undefined };
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...pieces, bytes.subarray(at)];
}

test("records come out as they went in, however the bytes were cut on the way", () => {
  fc.assert(
    fc.property(
      fc.array(anyRecord, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 9000 })),
      (records, sizes) => {
        const pieces = cut(Buffer.concat(encodeRecords(records)), sizes);
        const { found, fault } = read(pieces);
        expect(fault).toBeUndefined();
        expect(found.map(({ kind }) => kind)).toEqual(records.map(({ kind }) => kind));
        const [before, after] = [records, found].map((all) => all.map(({ body }) => body));
        // Not `toEqual`, which takes its time over large buffers.
        expect(Buffer.concat(after ?? []).equals(Buffer.concat(before ?? []))).toBe(true);
      },
    ),
  );
});

test("no bytes make a reader throw, or hand on what nobody sent", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1 })), (pieces) => {
      expect(read(pieces.map((piece) => Buffer.from(piece))).found).toEqual([]);
    }),
  );
});

test("a body in pieces is put together once, and handed on as bytes of its own", () => {
  const body = new Uint8Array(3000).fill(7);
  const bytes = Buffer.concat(encodeRecords([{ kind: RECORD_KIND.frame, body }]));
  const { found } = read(cut(bytes, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1000]));
  bytes.fill(0);
  expect(found).toEqual([{ kind: RECORD_KIND.frame, body: Buffer.from(body) }]);
});

test("a flipped bit anywhere is noticed, and nothing after it is handed on", () => {
  const records = ["first", "second"].map((text) => ({
    kind: RECORD_KIND.frame,
    body: Buffer.from(text),
  }));
  const bytes = Buffer.concat(encodeRecords(records));
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const { found, fault } = read([flipped]);
    expect(fault, `bit ${bit}`).toBeDefined();
    expect(found.length).toBe(bit < 13 * 8 ? 0 : 1);
  }
});

test("a body is given room as it comes, not as it is announced", () => {
  const reader = new RecordReader({ maxBytes: () => 2 ** 28, onRecord: () => undefined });
  const header = Buffer.alloc(8);
  header.writeUInt32LE(RECORD_KIND.frame * 2 ** 28 + 2 ** 28 - 1);
  const before = process.memoryUsage().arrayBuffers;
  reader.push(header);
  reader.push(Buffer.from("one"));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
});

test("a reader that is stopped leaves the rest of the bytes alone", () => {
  const found: RecordKind[] = [];
  const reader: RecordReader = new RecordReader({
    maxBytes: () => 10,
    onRecord: (kind) => {
      found.push(kind);
      reader.stop();
    },
  });
  const one = { kind: RECORD_KIND.frame, body: new Uint8Array(1) };
  expect(reader.push(Buffer.concat(encodeRecords([one, one])))).toBeUndefined();
  expect(found).toEqual([RECORD_KIND.frame]);
});
