import fc from "fast-check";
import { describe, expect, test } from "vitest";
import xxhash from "xxhash-wasm";
import { routingKey } from "./routing-key.js";
import { TOKEN_SPACE, tokenOf, toToken } from "./token.js";

const reference = await xxhash();
const utf8 = new TextEncoder();

/** Keys with braces in all places, and ones too long for the buffer that short ones share. */
const keys = fc.oneof(
  fc.string({ unit: fc.constantFrom("{", "}", "a", "é", "𝄞", " "), maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ minLength: 1200, maxLength: 5000 }),
);

describe("a routing key", () => {
  test.each([
    ["user:7", "user:7"],
    ["{user:7}:name", "user:7"],
    ["mail:{user:7}", "user:7"],
    ["a{b}{c}", "b"],
    ["a{{b}}", "{b"],
    ["a{}b", "a{}b"],
    ["a{}{b}", "a{}{b}"],
    ["a}b{c", "a}b{c"],
    ["a}{b}", "b"],
    ["{", "{"],
    ["", ""],
  ])("of %j is %j", (key, expected) => {
    expect(routingKey(key)).toBe(expected);
    expect(routingKey(utf8.encode(key))).toEqual(utf8.encode(expected));
  });

  test("is the same for a string and for its bytes", () => {
    fc.assert(
      fc.property(keys, (key) => {
        expect(routingKey(utf8.encode(key))).toEqual(utf8.encode(routingKey(key)));
      }),
    );
  });
});

describe("a token", () => {
  test("is the xxh64 of the routing key, for strings as for bytes", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const expected = reference.h64Raw(utf8.encode(routingKey(key)));
        expect(tokenOf(key)).toBe(expected);
        expect(tokenOf(utf8.encode(key))).toBe(expected);
      }),
    );
  });

  // Clusters store ranges of tokens: another value here means that their keys are lost.
  test.each([
    ["", 0xef46db3751d8e999n],
    ["a", 0xd24ec4f1a98c6e5bn],
    ["user:7", 0x2679338e453be04fn],
    ["{user:7}:name", 0x2679338e453be04fn],
    ["a key of more than thirty-two bytes, so that stripes count", 0xea467f1bf81f72cbn],
    ["schlüssel", 0x9e8f9d29817e144fn],
  ])("of %j is %i for ever", (key, token) => {
    expect(tokenOf(key)).toBe(token);
  });

  test("counts a lone surrogate as U+FFFD", () => {
    expect(tokenOf("a\ud800b")).toBe(tokenOf("a\ufffdb"));
  });

  test("is refused outside of [0, 2^64)", () => {
    expect(() => toToken(-1n)).toThrow(RangeError);
    expect(() => toToken(TOKEN_SPACE)).toThrow(RangeError);
    expect(toToken(TOKEN_SPACE - 1n)).toBe(TOKEN_SPACE - 1n);
  });
});
