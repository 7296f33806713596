import { describe, expect, test } from "vitest";
import { toLogIndex, toTerm } from "../core/ids.js";
import { decodeFrame, salvageRecordHeaders } from "./frame-decoder.js";
import { encodeFrame, frameBytes } from "./frame-encoder.js";
import { encodeRecord, recordBytes, type WalRecord } from "./record.js";

const SALT = 0xdecade;
const FRAME = {
  sequence: 7,
  firstSegment: 1,
  unsyncedBytes: 0,
  previousDigest: 9,
  framesBefore: 3,
};

function entries(group: number, data: string): WalRecord {
  const entry = {
    index: toLogIndex(1),
    term: toTerm(1),
    type: "normal" as const,
    data: Buffer.from(data),
  };
  return { kind: "entries", group, entries: [entry] };
}

function frameOf(records: readonly WalRecord[]): Buffer {
  const frame = Buffer.alloc(frameBytes(records));
  encodeFrame(frame, 0, records, { ...FRAME, salt: SALT });
  return frame;
}

describe("a frame", () => {
  const records = [entries(1, "first"), entries(2, "other")];

  test("decodes to its records", () => {
    const decoded = decodeFrame(frameOf(records), SALT);
    expect(decoded).toMatchObject({ records: records.map((record) => ({ record })) });
  });

  test("is refused when a whole record of another batch stands in it", () => {
    const frame = frameOf(records);
    const stale = entries(2, "stale");
    encodeRecord(frame, stale, frame.length - 8 - recordBytes(stale), SALT);
    expect(decodeFrame(frame, SALT)).toBe("commit digest");
  });

  test("is refused under the salt of another segment", () => {
    expect(decodeFrame(frameOf(records), SALT + 1)).toBe("record header checksum");
  });

  test("tells its groups even when payloads are bad", () => {
    const frame = frameOf(records);
    frame[40 + 32 + 17] = 0;
    expect(decodeFrame(frame, SALT)).toBe("record payload checksum");
    const headers = [...salvageRecordHeaders(frame.subarray(40), SALT)];
    expect(headers.map(({ group, index, count }) => [group, index, count])).toEqual([
      [1, 1, 1],
      [2, 1, 1],
    ]);
  });
});
