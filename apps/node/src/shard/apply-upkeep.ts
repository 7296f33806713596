/**
 * What a shard's leader asks of it for the sake of order, in bounded steps. They look into the store's order of keys,
 * so what was gathered before must have been written.
 */
import type { Bitcask } from "@titan/bitcask";
import { KEYSPACE_PREFIX_BYTES } from "../kv/keyspace.js";
import type { SessionTable } from "./session-table.js";
import type { ShardState } from "./shard-state.js";
import { expiryOf } from "./stored-record.js";
import { dueOf, EXPIRY_PREFIX } from "./system-keys.js";

/** Keys that one command removes. */
export const REMOVED_AT_ONCE = 1000;
/** Bytes of keys that one command removes: it stops behind the key that reaches this. */
const REMOVED_BYTES_AT_ONCE = 1024 * 1024;

/** Removes keys that have expired by the shard's clock, in the order of their expiry. @returns whether more have */
export function expireKeys(db: Bitcask, state: ShardState): boolean {
  if (state.earliestExpiryMs > state.nowMs()) return false;
  let removed = 0;
  let bytes = 0;
  for (const key of db.keysSync({ prefix: EXPIRY_PREFIX })) {
    const { expiresAtMs, storeKey } = dueOf(key);
    if (expiresAtMs > state.nowMs()) {
      state.noteEarliestExpiry(expiresAtMs);
      return false;
    }
    if (removed >= REMOVED_AT_ONCE || bytes >= REMOVED_BYTES_AT_ONCE) {
      state.noteEarliestExpiry(expiresAtMs);
      return true;
    }
    const stored = state.stored(storeKey);
    // Removing the key takes it out of the index of expiries, too.
    if (stored !== undefined && expiryOf(stored) === expiresAtMs) state.remove(storeKey, "expire");
    else state.removeExpiry(key);
    removed += 1;
    bytes += key.length;
  }
  return false;
}

/** Ends what has been idle or has expired. @returns whether there is more */
export function expire(db: Bitcask, state: ShardState, sessions: SessionTable): boolean {
  const hasMoreKeys = expireKeys(db, state);
  const hasMoreSessions = sessions.endIdle(state);
  return hasMoreKeys || hasMoreSessions;
}

/** Removes keys of a keyspace, in byte order. @returns whether there are more */
export function dropKeyspace(db: Bitcask, state: ShardState, keyspace: number): boolean {
  let removed = 0;
  let bytes = 0;
  for (const key of db.keysSync({ prefix: keyspacePrefix(keyspace) })) {
    if (removed >= REMOVED_AT_ONCE || bytes >= REMOVED_BYTES_AT_ONCE) return true;
    state.remove(Buffer.from(key), "delete");
    removed += 1;
    bytes += key.length;
  }
  return false;
}

/** Whether the store holds a key of a keyspace. */
export function holdsKeyspace(db: Bitcask, keyspace: number): boolean {
  for (const _ of db.keysSync({ prefix: keyspacePrefix(keyspace), limit: 1 })) return true;
  return false;
}

function keyspacePrefix(keyspace: number): Buffer {
  const prefix = Buffer.alloc(KEYSPACE_PREFIX_BYTES);
  prefix.writeUInt16BE(keyspace);
  return prefix;
}
