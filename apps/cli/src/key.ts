/** What a key may be. */
import { UsageError } from "./usage-error.js";

/** Most bytes in a key: the contract's limit (kv.proto). */
const MAX_KEY_BYTES = 65_535;

/** `bytes`, which are a key. @throws UsageError when they cannot be one */
export function checkKey(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) throw new UsageError("the key is empty; a key has at least one byte");
  return checkBound(bytes, "key");
}

/** `bytes`, which are a prefix or an end of a range and may be empty. @throws UsageError */
export function checkBound(bytes: Uint8Array, what: string): Uint8Array {
  if (bytes.length <= MAX_KEY_BYTES) return bytes;
  throw new UsageError(`the ${what} has ${bytes.length} bytes; a key has at most ${MAX_KEY_BYTES}`);
}
