/**
 * A shard's own records, under the system keyspace: two bytes of 0, one that says of what kind, then
 *
 *     1  head               nothing more: there is one
 *     2  session            its id
 *     3  answer             length of the session's id (1 byte), the id, slot (1 byte)
 *     4  expiry             when, in ms (8 bytes, big-endian), and the store key of what expires; no value
 */
import { SYSTEM_KEYSPACE } from "../kv/keyspace.js";

const HEAD = 1;
const SESSION = 2;
const ANSWER = 3;
const EXPIRY = 4;
const PREFIX_BYTES = 3;
const TIME_BYTES = 8;
const TWO_TO_32 = 0x1_0000_0000;

/** Bytes that the key of an expiry has beside the store key in it. */
export const EXPIRY_KEY_OVERHEAD_BYTES = PREFIX_BYTES + TIME_BYTES;

export const HEAD_KEY = prefixOf(HEAD);
export const SESSION_PREFIX = prefixOf(SESSION);
export const ANSWER_PREFIX = prefixOf(ANSWER);
export const EXPIRY_PREFIX = prefixOf(EXPIRY);

export function sessionKey(sessionId: Uint8Array): Buffer {
  return Buffer.concat([SESSION_PREFIX, sessionId]);
}

/** The session's id in a key of {@link sessionKey}, as a view. */
export function sessionIdOf(key: Uint8Array): Uint8Array {
  return key.subarray(PREFIX_BYTES);
}

export function answerKey(sessionId: Uint8Array, slot: number): Buffer {
  return Buffer.concat([
    ANSWER_PREFIX,
    Uint8Array.of(sessionId.length),
    sessionId,
    Uint8Array.of(slot),
  ]);
}

/** The parts of a key of {@link answerKey}. */
export function answerOf(key: Uint8Array): {
  readonly sessionId: Uint8Array;
  readonly slot: number;
} {
  const end = PREFIX_BYTES + 1 + (key[PREFIX_BYTES] ?? 0);
  return { sessionId: key.subarray(PREFIX_BYTES + 1, end), slot: key[end] ?? 0 };
}

export function expiryKey(expiresAtMs: number, storeKey: Uint8Array): Buffer {
  const key = Buffer.allocUnsafe(EXPIRY_KEY_OVERHEAD_BYTES + storeKey.length);
  key.set(EXPIRY_PREFIX);
  key.writeUInt32BE(Math.floor(expiresAtMs / TWO_TO_32), PREFIX_BYTES);
  key.writeUInt32BE(expiresAtMs % TWO_TO_32, PREFIX_BYTES + 4);
  key.set(storeKey, EXPIRY_KEY_OVERHEAD_BYTES);
  return key;
}

/** The parts of a key of {@link expiryKey}. */
export function dueOf(key: Uint8Array): {
  readonly expiresAtMs: number;
  readonly storeKey: Buffer;
} {
  const view = Buffer.from(key.buffer, key.byteOffset, key.length);
  const high = view.readUInt32BE(PREFIX_BYTES);
  const expiresAtMs = high * TWO_TO_32 + view.readUInt32BE(PREFIX_BYTES + 4);
  return { expiresAtMs, storeKey: view.subarray(EXPIRY_KEY_OVERHEAD_BYTES) };
}

function prefixOf(kind: number): Buffer {
  return Buffer.from([SYSTEM_KEYSPACE >> 8, SYSTEM_KEYSPACE & 0xff, kind]);
}
