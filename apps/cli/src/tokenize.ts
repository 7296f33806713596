/**
 * Splits a line of the shell into words, by the quoting rules that people know from `sh`.
 *
 *     PUT  user:1  "Ada \"the\" first"  'as is: \n'  two\ words  "\xff"
 *
 * - Words are separated by blanks, which are spaces and tabs. Quotes may begin and end inside a word: `a"b c"d` is one word.
 * - Single quotes: everything up to the next single quote, as it is.
 * - Double quotes: `\\ \" \' \n \r \t \0 \xNN` (a byte) `\u{H…}` (a character); any other backslash is refused.
 * - Outside quotes: a backslash takes the next character as it is.
 * - A line whose first character is `#` is a comment. There are no variables and no globs.
 */
import { escapedByte } from "./encoding.js";
import { UsageError } from "./usage-error.js";

/** A word of a line. */
export interface Token {
  /** What it stands for; bytes from `\xNN` as {@link escapedByte} writes them. */
  readonly text: string;
  /** Where it stands in the line, half-open, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
}

const BLANK = /[ \t]/;
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  '"': '"',
  "'": "'",
  n: "\n",
  r: "\r",
  t: "\t",
  0: "\0",
};

/** @throws UsageError for a quote that is never closed, or an escape that means nothing */
export function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  if (line.trimStart().startsWith("#")) return tokens;
  while (at < line.length) {
    if (BLANK.test(line.charAt(at))) {
      at += 1;
      continue;
    }
    const token = readWord(line, at);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

function readWord(line: string, start: number): Token {
  let text = "";
  let at = start;
  while (at < line.length && !BLANK.test(line.charAt(at))) {
    const part = readPart(line, at);
    text += part.text;
    at = part.end;
  }
  return { text, start, end: at };
}

interface Part {
  readonly text: string;
  readonly end: number;
}

function readPart(line: string, at: number): Part {
  switch (line.charAt(at)) {
    case "'":
      return readSingleQuoted(line, at);
    case '"':
      return readDoubleQuoted(line, at);
    case "\\":
      if (at + 1 === line.length) throw new UsageError("the line ends in a lone backslash");
      return { text: line.charAt(at + 1), end: at + 2 };
    default:
      return { text: line.charAt(at), end: at + 1 };
  }
}

function neverClosed(quote: string, at: number): UsageError {
  return new UsageError(
    `the ${quote} in column ${at + 1} is never closed; inside double quotes \\n is a line break`,
  );
}

function readSingleQuoted(line: string, opening: number): Part {
  const closing = line.indexOf("'", opening + 1);
  if (closing < 0) throw neverClosed("'", opening);
  return { text: line.slice(opening + 1, closing), end: closing + 1 };
}

function readDoubleQuoted(line: string, opening: number): Part {
  let text = "";
  let at = opening + 1;
  while (at < line.length) {
    const character = line.charAt(at);
    if (character === '"') return { text, end: at + 1 };
    const part = character === "\\" ? readEscape(line, at) : { text: character, end: at + 1 };
    text += part.text;
    at = part.end;
  }
  throw neverClosed('"', opening);
}

function readEscape(line: string, at: number): Part {
  const simple = SIMPLE_ESCAPES[line.charAt(at + 1)];
  if (simple !== undefined) return { text: simple, end: at + 2 };
  const rest = line.slice(at, at + 12);
  const byte = /^\\x([0-9a-f]{2})/i.exec(rest);
  if (byte !== null) return { text: escapedByte(Number.parseInt(byte[1] ?? "", 16)), end: at + 4 };
  const point = /^\\u\{([0-9a-f]{1,6})\}/i.exec(rest);
  const code = Number.parseInt(point?.[1] ?? "", 16);
  if (point !== null && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)) {
    return { text: String.fromCodePoint(code), end: at + point[0].length };
  }
  throw new UsageError(
    `column ${at + 1}: inside double quotes a backslash begins one of \\\\ \\" \\' \\n \\r \\t \\0 ` +
      "\\xNN \\u{H}; single quotes take everything as it is",
  );
}
