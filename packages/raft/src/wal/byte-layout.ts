/** Numbers in bytes, little-endian, and the arithmetic of checksums. */

import { crc32 } from "node:zlib";

const TWO_TO_32 = 2 ** 32;

/** Everything begins at a multiple of this many bytes, so that a search for it may step. */
export const ALIGNMENT_BYTES = 8;

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** Writes a safe integer of at least 0 in 8 bytes. */
export function writeU64(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32LE(value % TWO_TO_32, at);
  buffer.writeUInt32LE(Math.floor(value / TWO_TO_32), at + 4);
}

/** Reads 8 bytes; a number past 2^53 comes back as NaN, which no check lets pass. */
export function readU64(buffer: Buffer, at: number): number {
  const high = buffer.readUInt32LE(at + 4);
  return high < 2 ** 21 ? high * TWO_TO_32 + buffer.readUInt32LE(at) : Number.NaN;
}

/** Writes a safe integer in 7 bytes and `tag` in the eighth. */
export function writeTagged(buffer: Buffer, value: number, tag: number, at: number): void {
  buffer.writeUInt32LE(value % TWO_TO_32, at);
  buffer.writeUInt32LE(Math.floor(value / TWO_TO_32) + tag * 2 ** 24, at + 4);
}

/** The 7-byte number of {@link writeTagged}. */
export function readTaggedValue(buffer: Buffer, at: number): number {
  const high = buffer.readUInt32LE(at + 4) % 2 ** 24;
  return high < 2 ** 21 ? high * TWO_TO_32 + buffer.readUInt32LE(at) : Number.NaN;
}

/** The tag of {@link writeTagged}. */
export function readTag(buffer: Buffer, at: number): number {
  return buffer.readUInt8(at + 7);
}

/** CRC-32 (IEEE) of `[from, to)`, begun with `seed`. */
export function checksum(buffer: Buffer, from: number, to: number, seed: number): number {
  return crc32(buffer.subarray(from, to), seed);
}

/**
 * Joins checksums in order. For a fixed `digest` distinct checksums give distinct results and the
 * other way round, so one wrong checksum always shows in the end.
 */
export function foldChecksum(digest: number, crc: number): number {
  const mixed = Math.imul(digest ^ crc, 0x9e3779b1);
  return ((mixed << 13) | (mixed >>> 19)) >>> 0;
}
