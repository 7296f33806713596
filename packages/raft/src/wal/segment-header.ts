/**
 * The first sector of a segment file, written before the file gets its name and never changed.
 *
 *     0  8  magic "TITANRWL"
 *     8  4  format version, 1
 *    12  4  bytes of this header, 512
 *    16  8  number of the segment; the first is 1
 *    24  8  bytes of the file
 *    32  8  identity of the log, random; the same in all its segments
 *    40  4  salt, random: seeds the checksums of this file, so that bytes of another never pass
 *    44  8  when it was made, milliseconds since the Unix epoch
 *    52  4  CRC-32 of bytes 0 to 51
 *    56     zeros
 */

import { checksum, readU64, writeU64 } from "./byte-layout.js";
import { RaftWalError } from "./errors.js";

export const FORMAT_VERSION = 1;
/** One sector: a power cut leaves it whole or absent. */
export const SEGMENT_HEADER_BYTES = 512;

const MAGIC = Buffer.from("TITANRWL", "latin1");
const CRC_AT = 52;

export interface SegmentHeader {
  readonly number: number;
  readonly bytes: number;
  /** Two words of 32 bits. */
  readonly logId: readonly [number, number];
  readonly salt: number;
  readonly createdAtMs: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const buffer = Buffer.alloc(SEGMENT_HEADER_BYTES);
  MAGIC.copy(buffer, 0);
  buffer.writeUInt32LE(FORMAT_VERSION, 8);
  buffer.writeUInt32LE(SEGMENT_HEADER_BYTES, 12);
  writeU64(buffer, header.number, 16);
  writeU64(buffer, header.bytes, 24);
  buffer.writeUInt32LE(header.logId[0], 32);
  buffer.writeUInt32LE(header.logId[1], 36);
  buffer.writeUInt32LE(header.salt, 40);
  writeU64(buffer, header.createdAtMs, 44);
  buffer.writeUInt32LE(checksum(buffer, 0, CRC_AT, 0), CRC_AT);
  return buffer;
}

/**
 * @returns what is wrong, in words, when the bytes are no intact header
 * @throws RaftWalError `RAFT_WAL_NEWER_FORMAT`
 */
export function decodeSegmentHeader(buffer: Buffer): SegmentHeader | string {
  if (buffer.length < SEGMENT_HEADER_BYTES) return "the file is shorter than its header";
  if (!buffer.subarray(0, 8).equals(MAGIC)) return "no magic number";
  if (buffer.readUInt32LE(CRC_AT) !== checksum(buffer, 0, CRC_AT, 0)) return "header checksum";
  // Only an intact header may speak of its version: a flipped bit is damage, not the future.
  const version = buffer.readUInt32LE(8);
  if (version > FORMAT_VERSION) {
    const message = `format version ${version}; this release reads up to ${FORMAT_VERSION}`;
    throw new RaftWalError({ code: "RAFT_WAL_NEWER_FORMAT", message });
  }
  return {
    number: readU64(buffer, 16),
    bytes: readU64(buffer, 24),
    logId: [buffer.readUInt32LE(32), buffer.readUInt32LE(36)],
    salt: buffer.readUInt32LE(40),
    createdAtMs: readU64(buffer, 44),
  };
}

/** `raft-0000000001.wal`. */
export function segmentName(number: number): string {
  return `raft-${String(number).padStart(10, "0")}.wal`;
}

/** The number in a segment's name; `undefined` when the name is not one. */
export function segmentNumber(name: string): number | undefined {
  const digits = /^raft-(\d{10})\.wal$/.exec(name)?.[1];
  return digits === undefined || Number(digits) === 0 ? undefined : Number(digits);
}
