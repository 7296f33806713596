/** Keys and values at the edge: strings become UTF-8, sizes are checked, nothing else is changed. */
import { BitcaskError } from "./errors.js";

/**
 * The bytes of a key.
 * @throws TypeError for another type; BitcaskError `BITCASK_KEY_EMPTY`, `BITCASK_KEY_TOO_LARGE`,
 *   `BITCASK_INVALID_STRING`
 */
function keyBytes(key: Uint8Array | string, maxKeyBytes: number): Uint8Array {
  const bytes = toBytes(key, "key");
  if (bytes.length === 0) {
    throw new BitcaskError({
      code: "BITCASK_KEY_EMPTY",
      message: "a key has at least one byte",
      outcome: "not-applied",
    });
  }
  if (bytes.length > maxKeyBytes) {
    throw new BitcaskError({
      code: "BITCASK_KEY_TOO_LARGE",
      message: `a key has at most ${maxKeyBytes} bytes, this one has ${bytes.length}`,
      outcome: "not-applied",
    });
  }
  return bytes;
}

/**
 * The bytes of a value; none at all is fine.
 * @throws TypeError for another type; BitcaskError `BITCASK_VALUE_TOO_LARGE`, `BITCASK_INVALID_STRING`
 */
function valueBytes(value: Uint8Array | string, maxValueBytes: number): Uint8Array {
  const bytes = toBytes(value, "value");
  if (bytes.length > maxValueBytes) {
    throw new BitcaskError({
      code: "BITCASK_VALUE_TOO_LARGE",
      message:
        `the value has ${bytes.length} bytes, more than maxValueBytes (${maxValueBytes}); ` +
        "split it or raise the option",
      outcome: "not-applied",
    });
  }
  return bytes;
}

/**
 * Checks the size of a key that is encoded later. Whether a string can be is found then.
 * @throws TypeError for another type; BitcaskError `BITCASK_KEY_EMPTY`, `BITCASK_KEY_TOO_LARGE`
 */
export function checkKey(key: Uint8Array | string, maxKeyBytes: number): void {
  // A UTF-16 unit takes one to three bytes.
  const isSurelyFine =
    typeof key === "string"
      ? key.length > 0 && key.length * 3 <= maxKeyBytes
      : key instanceof Uint8Array && key.length > 0 && key.length <= maxKeyBytes;
  if (!isSurelyFine) keyBytes(key, maxKeyBytes);
}

/** As {@link checkKey}, for a value. @throws TypeError; BitcaskError `BITCASK_VALUE_TOO_LARGE` */
export function checkValue(value: Uint8Array | string, maxValueBytes: number): void {
  const isSurelyFine =
    typeof value === "string"
      ? value.length * 3 <= maxValueBytes
      : value instanceof Uint8Array && value.length <= maxValueBytes;
  if (!isSurelyFine) valueBytes(value, maxValueBytes);
}

/** The bytes of a key, or of a bound of a scan, whatever its length. */
export function toBytes(input: Uint8Array | string, what: string): Uint8Array {
  if (typeof input === "string") {
    if (!isWellFormed(input)) {
      throw new BitcaskError({
        code: "BITCASK_INVALID_STRING",
        message: `the ${what} is a string with a lone surrogate, which UTF-8 cannot express`,
        outcome: "not-applied",
      });
    }
    return Buffer.from(input, "utf8");
  }
  if (input instanceof Uint8Array) return input;
  throw new TypeError(`a ${what} is a Uint8Array or a string, not ${describe(input)}`);
}

/** A `Buffer` over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** ES2024's `String.prototype.isWellFormed`, in Node since 20.0 but not yet in the type library. */
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed();
}

function describe(input: unknown): string {
  return input === null ? "null" : typeof input;
}
