/**
 * A frame: one batch of records, written at once, whole or absent after a crash.
 *
 *     header   0  4  magic "TRFB"
 *              4  4  bytes of the body, a multiple of 8
 *              8  8  sequence number: one more than the frame before, also across segments
 *             16  4  number of the oldest segment that the log still needs
 *             20  4  bytes before this frame, in this file, that were not known to be durable
 *             24  4  commit digest of the frame before; 0 for the very first
 *             28  4  number of frames before this one in this segment
 *             32  4  zero
 *             36  4  CRC-32 of bytes 0 to 35, seeded with the segment's salt
 *     body    40     records, see `record.ts`
 *     commit   0  4  magic "TRFC"
 *              4  4  commit digest: the header's CRC and those of all records' headers, folded
 *
 * A record's header holds the digest of its payload, so the commit digest vouches for every byte but
 * the padding, and each byte is summed once.
 */

import { checksum, foldChecksum, readU64, writeU64 } from "./byte-layout.js";

export const FRAME_HEADER_BYTES = 40;
export const COMMIT_BYTES = 8;
/** What a frame adds to its records. */
export const FRAME_OVERHEAD_BYTES = FRAME_HEADER_BYTES + COMMIT_BYTES;
export const FRAME_MAGIC = Buffer.from("TRFB", "latin1");

const FRAME_MAGIC_WORD = FRAME_MAGIC.readUInt32LE(0);
const COMMIT_MAGIC_WORD = Buffer.from("TRFC", "latin1").readUInt32LE(0);
const CRC_AT = 36;

export interface FrameHeader {
  readonly bodyBytes: number;
  readonly sequence: number;
  readonly firstSegment: number;
  readonly unsyncedBytes: number;
  readonly previousDigest: number;
  readonly framesBefore: number;
}

/** Writes the header at `at`. @returns the digest to fold the records' checksums into */
export function encodeFrameHeader(
  buffer: Buffer,
  header: FrameHeader,
  at: number,
  salt: number,
): number {
  buffer.writeUInt32LE(FRAME_MAGIC_WORD, at);
  buffer.writeUInt32LE(header.bodyBytes, at + 4);
  writeU64(buffer, header.sequence, at + 8);
  buffer.writeUInt32LE(header.firstSegment, at + 16);
  buffer.writeUInt32LE(header.unsyncedBytes, at + 20);
  buffer.writeUInt32LE(header.previousDigest, at + 24);
  buffer.writeUInt32LE(header.framesBefore, at + 28);
  buffer.writeUInt32LE(0, at + 32);
  const crc = checksum(buffer, at, at + CRC_AT, salt);
  buffer.writeUInt32LE(crc, at + CRC_AT);
  return foldChecksum(0, crc);
}

/** The intact header at `at`, or `undefined`. */
export function decodeFrameHeader(
  buffer: Buffer,
  at: number,
  salt: number,
): FrameHeader | undefined {
  if (buffer.length - at < FRAME_HEADER_BYTES) return undefined;
  if (buffer.readUInt32LE(at) !== FRAME_MAGIC_WORD) return undefined;
  if (buffer.readUInt32LE(at + CRC_AT) !== checksum(buffer, at, at + CRC_AT, salt)) {
    return undefined;
  }
  return {
    bodyBytes: buffer.readUInt32LE(at + 4),
    sequence: readU64(buffer, at + 8),
    firstSegment: buffer.readUInt32LE(at + 16),
    unsyncedBytes: buffer.readUInt32LE(at + 20),
    previousDigest: buffer.readUInt32LE(at + 24),
    framesBefore: buffer.readUInt32LE(at + 28),
  };
}

/** What {@link encodeFrameHeader} returned for the header at `at`. */
export function frameDigestSeed(buffer: Buffer, at: number): number {
  return foldChecksum(0, buffer.readUInt32LE(at + CRC_AT));
}

export function encodeCommit(buffer: Buffer, digest: number, at: number): void {
  buffer.writeUInt32LE(COMMIT_MAGIC_WORD, at);
  buffer.writeUInt32LE(digest, at + 4);
}

export function isCommitOf(buffer: Buffer, digest: number, at: number): boolean {
  return buffer.readUInt32LE(at) === COMMIT_MAGIC_WORD && buffer.readUInt32LE(at + 4) === digest;
}
