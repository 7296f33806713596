/** Bytes as text that a terminal, a column or a person can take. */
import { Buffer, isUtf8 } from "node:buffer";
import type { Encoding } from "./encoding.js";

// Control characters, line and paragraph separators, and marks that reorder text on screen: what could
// break a line of output, move the cursor or make one key look like another. And U+FFFD, which stands for
// lost bytes wherever it comes from somewhere else.
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]/u;
const UNSAFE_IN_PROSE = /[^\P{Cc}\n\t]|[\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;
const NAMED: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
};

/**
 * One line of text for `bytes`. With `"utf8"`, backslash, tab and line ends become `\\ \t \n \r` and
 * every other unsafe or non-UTF-8 byte `\xNN`; the shell's double quotes read all of that back.
 */
export function printable(bytes: Uint8Array, encoding: Encoding = "utf8"): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (encoding !== "utf8") return buffer.toString(encoding);
  if (isUtf8(buffer)) {
    const text = buffer.toString("utf8");
    if (!UNSAFE.test(text) && !text.includes("\\")) return text;
  }
  let line = "";
  for (let at = 0; at < buffer.length; ) {
    const character = characterAt(buffer, at);
    line += escapeCharacter(character);
    at += character.length;
  }
  return line;
}

/**
 * A value for a terminal: as it is when it is plain text, else as {@link printable} writes it.
 * `isExact` says which.
 */
export function terminalText(bytes: Uint8Array): { text: string; isExact: boolean } {
  const text = isUtf8(bytes) ? Buffer.from(bytes).toString("utf8") : undefined;
  if (text !== undefined && !UNSAFE_IN_PROSE.test(text)) return { text, isExact: true };
  return { text: printable(bytes), isExact: false };
}

/** The bytes of the UTF-8 character that begins at `at`, or one byte when there is none. */
function characterAt(buffer: Buffer, at: number): Buffer {
  const lead = buffer[at] ?? 0;
  const length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const character = buffer.subarray(at, at + length);
  return isUtf8(character) ? character : buffer.subarray(at, at + 1);
}

function escapeCharacter(character: Buffer): string {
  if (isUtf8(character)) {
    const text = character.toString("utf8");
    const named = NAMED[text];
    if (named !== undefined) return named;
    if (!UNSAFE.test(text)) return text;
  }
  return Array.from(character, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
