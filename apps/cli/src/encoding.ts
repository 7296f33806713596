/**
 * Between what people type and the bytes that Titan stores.
 *
 * Text is UTF-8. The shell's tokenizer lets `\xNN` stand for any byte; inside a JavaScript string such a
 * byte travels as the lone surrogate U+DC00 + byte, as in Python's PEP 383, because no valid text
 * contains one. {@link decodeArgument} turns it back.
 */
import { Buffer } from "node:buffer";
import { UsageError } from "./usage-error.js";

export const ENCODINGS = Object.freeze(["utf8", "hex", "base64"] as const);

/** How bytes are written in arguments and in text output. */
export type Encoding = (typeof ENCODINGS)[number];

/** An encoding for keys and one for values. */
export interface Encodings {
  readonly key: Encoding;
  readonly value: Encoding;
}

const ESCAPED_BYTE = 0xdc00;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** The character that stands for `byte`, 0 to 255, until {@link decodeArgument} meets it. */
export function escapedByte(byte: number): string {
  return String.fromCharCode(ESCAPED_BYTE + byte);
}

/**
 * The bytes that `text` stands for. `what` names it in messages: "key", "value", "prefix".
 * @throws UsageError when it is not such an encoding, or was damaged on the way here
 */
export function decodeArgument(text: string, encoding: Encoding, what: string): Uint8Array {
  if (encoding === "hex") return decodeHex(text, what);
  if (encoding === "base64") return decodeBase64(text, what);
  if (text.includes("\uFFFD")) {
    // Node replaces bytes that are not UTF-8 with U+FFFD before we can see them. Going on would
    // store something else than what was typed.
    throw new UsageError(
      `the ${what} has bytes that are not UTF-8 (or the character U+FFFD); write it with --hex or ` +
        "--base64, or as \\xNN in the shell",
    );
  }
  return LONE_SURROGATE.test(text) ? decodeEscapedBytes(text, what) : Buffer.from(text, "utf8");
}

function decodeEscapedBytes(text: string, what: string): Uint8Array {
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.charCodeAt(0);
    const isEscaped = character.length === 1 && code >= ESCAPED_BYTE && code <= ESCAPED_BYTE + 0xff;
    if (isEscaped) parts.push(Buffer.of(code - ESCAPED_BYTE));
    else if (!LONE_SURROGATE.test(character)) parts.push(Buffer.from(character, "utf8"));
    else throw new UsageError(`the ${what} has half of a surrogate pair, which is not text`);
  }
  return Buffer.concat(parts);
}

function decodeHex(text: string, what: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) {
    throw new UsageError(
      `the ${what} ${quoted(text)} is not hex: two digits 0-9 a-f for each byte`,
    );
  }
  return Buffer.from(text, "hex");
}

function decodeBase64(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  const unpadded = (encoded: string): string => encoded.replace(/={0,2}$/, "");
  // Node skips what it does not know; comparing tells "aGk" and "aGk=" from "a*Gk".
  const standard = unpadded(text.replaceAll("-", "+").replaceAll("_", "/"));
  if (unpadded(bytes.toString("base64")) !== standard) {
    throw new UsageError(`the ${what} ${quoted(text)} is not base64`);
  }
  return bytes;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
