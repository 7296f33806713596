/** Keys on their way in and out. */
import { ClientError } from "./errors.js";
import { utf8ToBytes } from "./utf-8.js";

/** A key as calls take it: text (stored as UTF-8) or bytes. 1 to 65,535 bytes. */
export type Key = string | Uint8Array;

/** How keys come back from calls: as text, or as bytes for keys that are not UTF-8. */
export type KeysOption = "string" | "bytes";

/** The type of keys that a {@link KeysOption} stands for. */
export type KeyOf<O extends KeysOption> = O extends "bytes" ? Uint8Array : string;

/** Most bytes in a key: the contract's limit (kv.proto). */
export const MAX_KEY_BYTES = 65_535;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A key's bytes.
 * @throws TypeError when it is neither text nor bytes
 * @throws RangeError when it is empty, too long, or has a lone surrogate
 */
export function keyToBytes(key: Key): Uint8Array {
  const bytes = boundToBytes(key, "key");
  if (bytes.length === 0) throw new RangeError("a key has at least one byte; this one is empty");
  return bytes;
}

/** As {@link keyToBytes} for a prefix or a bound of a range, which may be empty. */
export function boundToBytes(bound: Key, what: string): Uint8Array {
  if (typeof bound !== "string" && !(bound instanceof Uint8Array)) {
    throw new TypeError(`a ${what} is a string or a Uint8Array, not ${typeof bound}`);
  }
  const bytes = typeof bound === "string" ? utf8ToBytes(bound) : bound;
  if (bytes.length > MAX_KEY_BYTES) {
    throw new RangeError(`a ${what} has at most ${MAX_KEY_BYTES} bytes; this has ${bytes.length}`);
  }
  return bytes;
}

/**
 * A key as the caller wants it.
 * @throws ClientError `CLIENT_DECODE_FAILED` when it is to be text and is not UTF-8
 */
export function keyFromBytes(bytes: Uint8Array, option: KeysOption): Key {
  if (option === "bytes") return bytes;
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const hex = Buffer.from(bytes.subarray(0, 32)).toString("hex");
    throw new ClientError({
      code: "CLIENT_DECODE_FAILED",
      outcome: "not-applied",
      message: `the key 0x${hex}${bytes.length > 32 ? "…" : ""} is not UTF-8; use { keys: "bytes" }`,
      cause,
    });
  }
}
