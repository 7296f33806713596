/**
 * Level allows the empty key, Bitcask does not. So keys of zero bytes only, and the empty one among
 * them, are stored one zero byte longer; all others as they are.
 *
 * ```
 * Level   ""   00      00 00      00 01   61
 * stored  00   00 00   00 00 00   00 01   61
 * ```
 * A bijection between all keys and the keys that are not empty, which keeps their order; bounds of
 * ranges map by the same rule.
 */

/** A key in one of the formats that the database takes from its encodings. */
export type LevelKey = Uint8Array | string;

/** @returns bytes, or the string as it was, which stands for its UTF-8 form */
export function toStoredKey(key: LevelKey): LevelKey {
  if (key.length > 0 && key[0] !== "\0" && key[0] !== 0) return key;
  return isAllZero(key) ? new Uint8Array(key.length + 1) : key;
}

/** The exact inverse of {@link toStoredKey}. @param stored not empty */
export function fromStoredKey(stored: Uint8Array): Uint8Array {
  if (stored[0] !== 0 || !isAllZero(stored)) return stored;
  return stored.subarray(1);
}

function isAllZero(key: LevelKey): boolean {
  return typeof key === "string" ? /^\0*$/.test(key) : key.every((byte) => byte === 0);
}
