/**
 * Bounds of scans, in keys of one keyspace, and where a scan goes on.
 *
 * A cursor is opaque to callers: byte 0 is its version, 1; byte 1 the direction, 0 forward or 1 reverse;
 * then the last key of the page. The next page begins behind that key.
 */
import { invalidField } from "../kv/kv-error.js";
import { MAX_KEY_BYTES } from "../kv/limits.js";
import type { ScanRequest } from "../kv/scan-request.js";
import type { ShardRange } from "../shard/shard-replica.js";

const CURSOR_VERSION = 1;
const CURSOR_HEADER_BYTES = 2;
const NOTHING = new Uint8Array(0);

/** Which keys are meant; empty byte strings mean "not set". */
export interface KeyBounds {
  readonly prefix: Uint8Array;
  /** First key, included. */
  readonly start: Uint8Array;
  /** End, not included. */
  readonly end: Uint8Array;
}

/** Keys `from <= key`, and `key < to` unless `to` is empty. */
export interface KeySpan {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/**
 * The keys that are meant; `undefined` when there can be none.
 * @throws KvError `FIELD_INVALID`
 */
export function toKeySpan({ prefix, start, end }: KeyBounds): KeySpan | undefined {
  for (const [field, bytes] of [
    ["range.prefix", prefix],
    ["range.start", start],
    ["range.end", end],
  ] as const) {
    if (bytes.length > MAX_KEY_BYTES + 1) throw invalidField(field, "longer than any key can be");
  }
  const from = Buffer.compare(prefix, start) >= 0 ? prefix : start;
  const behindPrefix = successor(prefix);
  const to = behindPrefix.length === 0 || isBefore(end, behindPrefix) ? end : behindPrefix;
  if (to.length > 0 && Buffer.compare(from, to) >= 0) return undefined;
  return { from, to };
}

export function isWithin({ from, to }: KeySpan, key: Uint8Array): boolean {
  if (Buffer.compare(key, from) < 0) return false;
  return to.length === 0 || Buffer.compare(key, to) < 0;
}

/**
 * What a scan has still to read; `undefined` when nothing can be left.
 * @throws KvError `FIELD_INVALID` (range, cursor)
 */
export function toShardRange(request: ScanRequest): ShardRange | undefined {
  const { keyspace, reverse, cursor } = request;
  const span = toKeySpan(request);
  if (span === undefined) return undefined;
  const range = { keyspace, ...span, afterFrom: false, reverse };
  if (cursor.length === 0) return range;
  const last = decodeCursor(cursor, reverse);
  if (!isWithin(span, last)) throw invalidField("cursor", "belongs to another range");
  return behind(range, last);
}

/** What is left of `range` in its direction behind `lastKey`; `undefined`: nothing can be. */
export function behind(range: ShardRange, lastKey: Uint8Array): ShardRange | undefined {
  if (!range.reverse) return { ...range, from: lastKey, afterFrom: true };
  return Buffer.compare(range.from, lastKey) < 0 ? { ...range, to: lastKey } : undefined;
}

export function encodeCursor(lastKey: Uint8Array, reverse: boolean): Uint8Array {
  const cursor = Buffer.allocUnsafe(CURSOR_HEADER_BYTES + lastKey.length);
  cursor[0] = CURSOR_VERSION;
  cursor[1] = reverse ? 1 : 0;
  cursor.set(lastKey, CURSOR_HEADER_BYTES);
  return cursor;
}

function decodeCursor(cursor: Uint8Array, reverse: boolean): Uint8Array {
  const key = cursor.subarray(CURSOR_HEADER_BYTES);
  if (cursor[0] !== CURSOR_VERSION || key.length === 0 || key.length > MAX_KEY_BYTES) {
    throw invalidField("cursor", "is not one that this server gave");
  }
  if (cursor[1] !== (reverse ? 1 : 0)) {
    throw invalidField("cursor", "belongs to a scan in the other direction");
  }
  return key;
}

/** `bytes` stands for an end, which comes before `other`. */
function isBefore(bytes: Uint8Array, other: Uint8Array): boolean {
  return bytes.length > 0 && Buffer.compare(bytes, other) < 0;
}

/** The smallest byte string greater than every one that begins with `prefix`; empty when there is none. */
function successor(prefix: Uint8Array): Uint8Array {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) return NOTHING;
  // A copy: `slice` of a Buffer is a view.
  const next = Uint8Array.from(prefix.subarray(0, length));
  next[length - 1] = (next[length - 1] ?? 0) + 1;
  return next;
}
