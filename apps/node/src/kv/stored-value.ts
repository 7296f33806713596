/**
 * How the server keeps a value in the store: eight bytes, then the value as the user gave it.
 *
 *   byte 0      version of this layout, 1
 *   bytes 1–7   revision of the write, big-endian
 *
 * Expiry is the store's own business and is not repeated here.
 */
import { type Revision, toRevision } from "./revision.js";

/** Bytes that {@link encodeStoredValue} puts before a value. */
export const STORED_VALUE_HEADER_BYTES = 8;
const VERSION = 1;
const TWO_TO_32 = 0x1_0000_0000;

/** A stored value taken apart. `value` is a view of the decoded bytes. */
export interface StoredValue {
  readonly revision: Revision;
  readonly value: Uint8Array;
}

/** Copies `value` behind its header. */
export function encodeStoredValue(revision: Revision, value: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(STORED_VALUE_HEADER_BYTES + value.length);
  bytes[0] = VERSION;
  bytes.writeUIntBE(Math.floor(revision / TWO_TO_32), 1, 3);
  bytes.writeUInt32BE(revision % TWO_TO_32, 4);
  bytes.set(value, STORED_VALUE_HEADER_BYTES);
  return bytes;
}

/**
 * Exact inverse of {@link encodeStoredValue}.
 * @throws Error when the bytes were not written by this layout
 */
export function decodeStoredValue(bytes: Uint8Array): StoredValue {
  if (bytes.length < STORED_VALUE_HEADER_BYTES || bytes[0] !== VERSION) {
    throw new Error(`stored value of ${bytes.length} bytes has unknown layout ${bytes[0] ?? "-"}`);
  }
  const high = byteAt(bytes, 1) * 0x1_0000 + byteAt(bytes, 2) * 0x100 + byteAt(bytes, 3);
  const low =
    byteAt(bytes, 4) * 0x100_0000 +
    byteAt(bytes, 5) * 0x1_0000 +
    byteAt(bytes, 6) * 0x100 +
    byteAt(bytes, 7);
  return {
    revision: toRevision(high * TWO_TO_32 + low),
    value: bytes.subarray(STORED_VALUE_HEADER_BYTES),
  };
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
