/** Turns records into the bytes of a frame. */

import { foldChecksum } from "./byte-layout.js";
import {
  encodeCommit,
  encodeFrameHeader,
  FRAME_HEADER_BYTES,
  FRAME_OVERHEAD_BYTES,
  type FrameHeader,
} from "./frame.js";
import { encodeRecord, recordBytes, type WalRecord } from "./record.js";

/** Bytes of a frame of these records. */
export function frameBytes(records: readonly WalRecord[]): number {
  let bytes = FRAME_OVERHEAD_BYTES;
  for (const record of records) bytes += recordBytes(record);
  return bytes;
}

/**
 * Writes a frame at `at`, in `frameBytes(records)` bytes that are zero.
 * @returns the frame's commit digest, for the next one
 */
export function encodeFrame(
  buffer: Buffer,
  at: number,
  records: readonly WalRecord[],
  frame: Omit<FrameHeader, "bodyBytes"> & { readonly salt: number },
): number {
  const bodyBytes = frameBytes(records) - FRAME_OVERHEAD_BYTES;
  let digest = encodeFrameHeader(buffer, { ...frame, bodyBytes }, at, frame.salt);
  let position = at + FRAME_HEADER_BYTES;
  for (const record of records) {
    digest = foldChecksum(digest, encodeRecord(buffer, record, position, frame.salt));
    position += recordBytes(record);
  }
  encodeCommit(buffer, digest, position);
  return digest;
}

/** Offset of the first record in a frame at `at`. */
export function bodyOffset(at: number): number {
  return at + FRAME_HEADER_BYTES;
}
