/** Turns the bytes of a frame back into records, with every checksum checked. */

import { alignUp, foldChecksum } from "./byte-layout.js";
import { COMMIT_BYTES, FRAME_HEADER_BYTES, frameDigestSeed, isCommitOf } from "./frame.js";
import {
  decodeRecord,
  decodeRecordHeader,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  type WalRecord,
} from "./record.js";

/** A record and where it begins, from the start of the frame. */
export interface FramedRecord {
  readonly record: WalRecord;
  readonly offset: number;
}

export interface DecodedFrame {
  readonly records: readonly FramedRecord[];
  readonly digest: number;
}

/** @returns what is wrong, in words, when `frame` is not whole */
export function decodeFrame(frame: Buffer, salt: number): DecodedFrame | string {
  const end = frame.length - COMMIT_BYTES;
  const records: FramedRecord[] = [];
  let digest = frameDigestSeed(frame, 0);
  let position = FRAME_HEADER_BYTES;
  while (position < end) {
    const header = decodeRecordHeader(frame, position, salt);
    if (header === undefined) return "record header checksum";
    const next = position + RECORD_HEADER_BYTES + alignUp(header.payloadBytes);
    if (next > end) return "record past the end of its frame";
    const record = decodeRecord(frame, header, position);
    if (record === undefined) return "record payload checksum";
    records.push({ record, offset: position });
    digest = foldChecksum(digest, header.crc);
    position = next;
  }
  if (!isCommitOf(frame, digest, end)) return "commit digest";
  return { records, digest };
}

/** Headers of records that are recognisable in damaged bytes; their payloads may be bad. */
export function* salvageRecordHeaders(bytes: Buffer, salt: number): Generator<RecordHeader> {
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; ) {
    const header = decodeRecordHeader(bytes, at, salt);
    if (header !== undefined) yield header;
    const isWhole = header !== undefined && at + header.payloadBytes <= bytes.length;
    at += isWhole ? RECORD_HEADER_BYTES + alignUp(header.payloadBytes) : 8;
  }
}
