/**
 * Keyspaces share one store: each key there begins with the keyspace's number, two bytes big-endian, so
 * that keyspaces do not meet and each is one range. Number 0 holds the server's own records.
 */

/** The keyspace that exists from the start. */
export const DEFAULT_KEYSPACE = "default";
/** Bytes before the user's key in a stored key. */
export const KEYSPACE_PREFIX_BYTES = 2;
/** Number of the keyspace that holds the server's own records. */
export const SYSTEM_KEYSPACE = 0;
export const DEFAULT_KEYSPACE_NUMBER = 1;
/** Numbers take two bytes in stored keys. */
export const MAX_KEYSPACE_NUMBER = 65_535;

/** The key under which the store keeps a user's key. */
export function toStoreKey(keyspace: number, key: Uint8Array): Buffer {
  const storeKey = Buffer.allocUnsafe(KEYSPACE_PREFIX_BYTES + key.length);
  storeKey.writeUInt16BE(keyspace, 0);
  storeKey.set(key, KEYSPACE_PREFIX_BYTES);
  return storeKey;
}

/** The user's key of a stored key, as a view. */
export function fromStoreKey(storeKey: Uint8Array): Uint8Array {
  return storeKey.subarray(KEYSPACE_PREFIX_BYTES);
}
