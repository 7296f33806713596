/** Strings to UTF-8 without silent damage. */

/** As `String.prototype.isWellFormed`, which Node 20 has and the ES2023 types do not. */
interface MaybeWellFormed {
  isWellFormed(): boolean;
}

/**
 * UTF-8 bytes of `text`.
 * @throws RangeError for a lone surrogate, which an encoder would silently replace by U+FFFD
 */
export function utf8ToBytes(text: string): Uint8Array {
  if (!(text as unknown as MaybeWellFormed).isWellFormed()) {
    throw new RangeError("the string has a lone surrogate and so no form in UTF-8");
  }
  return Buffer.from(text, "utf8");
}
