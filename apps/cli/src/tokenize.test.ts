import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { quoteWord } from "./completion.js";
import { decodeArgument } from "./encoding.js";
import { printable } from "./printable.js";
import { tokenize } from "./tokenize.js";

function words(line: string): string[] {
  return tokenize(line).map(({ text }) => text);
}

/** Bytes that a word stands for. */
function bytesOf(line: string): Buffer {
  const [word] = words(line);
  return Buffer.from(decodeArgument(word ?? "", "utf8", "word"));
}

describe("words of a line", () => {
  test.each([
    ["", []],
    [" \t ", []],
    ["a  b\tc ", ["a", "b", "c"]],
    ["a'b c'd", ["ab cd"]],
    [`"it's" 'say "x"'`, ["it's", 'say "x"']],
    ["'\\n' '' \"\"", ["\\n", "", ""]],
    ['"\\\\ \\" \\\' \\n\\r\\t\\0"', ["\\ \" ' \n\r\t\0"]],
    ['"\\u{1F600}\\u{41}"', ["😀A"]],
    ["a\\ b \\\\ \\'", ["a b", "\\", "'"]],
    ["PUT k # no comment", ["PUT", "k", "#", "no", "comment"]],
    ["# a comment", []],
    ["non\u00a0breaking", ["non\u00a0breaking"]],
  ])("%j are %j", (line, expected) => {
    expect(words(line)).toEqual(expected);
  });

  test.each(["'", '"', 'a "b', '"\\', "\\", '"\\x1"', '"\\u{110000}"', '"\\u{d800}"', '"\\u41"'])(
    "%j is refused",
    (line) => {
      expect(() => tokenize(line)).toThrow(/never closed|backslash/);
    },
  );

  test("know where they stand", () => {
    expect(tokenize(" ab  'c d'")).toEqual([
      { text: "ab", start: 1, end: 3 },
      { text: "c d", start: 5, end: 10 },
    ]);
  });

  test("\\xNN is a byte, also where it makes no text", () => {
    expect(bytesOf('"\\xff\\x00a\\xc3\\xa9"')).toEqual(Buffer.from("ff0061c3a9", "hex"));
  });
});

describe("any key, printed", () => {
  const seed = Number(process.env["TITAN_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const SPECIAL = Buffer.from(" \t\n\r\\\"'#-\u001b\u202e\ufffdé😀");

  /** mulberry32. */
  function randomFrom(state: number): () => number {
    let at = state;
    return () => {
      at = (at + 0x6d2b79f5) | 0;
      let mixed = Math.imul(at ^ (at >>> 15), 1 | at);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  test(`reads back as the same bytes (TITAN_SEED=${seed})`, () => {
    const random = randomFrom(seed);
    const below = (bound: number): number => Math.floor(random() * bound);
    for (let run = 0; run < 5_000; run++) {
      const key = Buffer.from(
        Array.from({ length: below(12) }, () =>
          random() < 0.5 ? below(256) : (SPECIAL[below(SPECIAL.length)] ?? 0),
        ),
      );
      expect(bytesOf(quoteWord(key)), key.toString("hex")).toEqual(key);
      expect(printable(key)).toMatch(/^[^\p{Cc}\u202e]*$/u);
    }
  });
});
