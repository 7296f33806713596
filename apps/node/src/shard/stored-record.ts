/**
 * How a shard keeps a value in its store: sixteen bytes, then the value as the user gave it.
 *
 *   byte 0       version of this layout, 2
 *   bytes 1–7    revision of the write, big-endian
 *   byte 8       0
 *   bytes 9–15   expiry in ms since the Unix epoch, big-endian; 0: never
 *
 * Whether it has expired is for the shard's clock to say, so the store's own expiry is not used.
 */
import type { Entry } from "../kv/entry.js";
import { type Revision, toRevision } from "../kv/revision.js";

/** Bytes before a value. */
export const STORED_RECORD_HEADER_BYTES = 16;
const VERSION = 2;
const EXPIRY_AT = 8;
const TWO_TO_32 = 0x1_0000_0000;

/** Copies `value` behind its header. `expiresAtMs` 0: never. */
export function encodeStoredRecord(
  revision: number,
  expiresAtMs: number,
  value: Uint8Array,
): Buffer {
  const bytes = Buffer.allocUnsafe(STORED_RECORD_HEADER_BYTES + value.length);
  writeNumber(bytes, 0, revision);
  bytes[0] = VERSION;
  writeNumber(bytes, EXPIRY_AT, expiresAtMs);
  bytes.set(value, STORED_RECORD_HEADER_BYTES);
  return bytes;
}

/** When a stored record expires; 0: never. */
export function expiryOf(bytes: Uint8Array): number {
  return readNumber(bytes, EXPIRY_AT);
}

/** When a stored record was written. */
export function revisionOf(bytes: Uint8Array): Revision {
  return toRevision(readNumber(bytes, 0));
}

/**
 * Takes a stored record apart; the value is a view.
 * @throws Error when the bytes were not written by this layout
 */
export function decodeStoredRecord(bytes: Uint8Array): Entry {
  if (bytes.length < STORED_RECORD_HEADER_BYTES || bytes[0] !== VERSION) {
    throw new Error(`stored value of ${bytes.length} bytes has unknown layout ${bytes[0] ?? "-"}`);
  }
  const expiresAtMs = expiryOf(bytes);
  return {
    value: bytes.subarray(STORED_RECORD_HEADER_BYTES),
    revision: revisionOf(bytes),
    expiresAtMs: expiresAtMs === 0 ? undefined : expiresAtMs,
  };
}

/** Seven bytes behind one that is left 0. */
function writeNumber(bytes: Uint8Array, at: number, value: number): void {
  let high = Math.floor(value / TWO_TO_32);
  let low = value % TWO_TO_32;
  for (let to = at + 3; to >= at; to -= 1) {
    bytes[to] = high & 0xff;
    bytes[to + 4] = low & 0xff;
    high >>>= 8;
    low = Math.floor(low / 0x100);
  }
}

function readNumber(bytes: Uint8Array, at: number): number {
  const high =
    byteAt(bytes, at + 1) * 0x1_0000 + byteAt(bytes, at + 2) * 0x100 + byteAt(bytes, at + 3);
  const low =
    byteAt(bytes, at + 4) * 0x100_0000 +
    byteAt(bytes, at + 5) * 0x1_0000 +
    byteAt(bytes, at + 6) * 0x100 +
    byteAt(bytes, at + 7);
  return high * TWO_TO_32 + low;
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
