import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TOKEN_SPACE, type Token, tokenOf, toToken } from "./token.js";
import { TokenRanges } from "./token-ranges.js";

const token = fc.bigInt(0n, TOKEN_SPACE - 1n).map(toToken);

describe("ranges", () => {
  test("find the one that a look at each finds, also at their bounds", () => {
    const starts = fc
      .uniqueArray(token, { maxLength: 20 })
      .map((some) => [...new Set([0n as Token, ...some])].toSorted((a, b) => (a < b ? -1 : 1)));
    fc.assert(
      fc.property(starts, token, (given, value) => {
        const ranges = new TokenRanges(given);
        const near = given.flatMap((start) => [start - 1n, start, start + 1n]);
        for (const one of [value, ...near]) {
          if (one < 0n || one >= TOKEN_SPACE) continue;
          const expected = given.findLastIndex((start) => start <= one);
          expect(ranges.rangeOfToken(toToken(one))).toBe(expected);
        }
      }),
    );
  });

  test("are of the same size, give or take a token, when they are even", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), (count) => {
        const { starts } = TokenRanges.even(count);
        expect(starts.length).toBe(count);
        const sizes = starts.map((start, at) => (starts[at + 1] ?? TOKEN_SPACE) - start);
        const size = TOKEN_SPACE / BigInt(count);
        for (const one of sizes) expect(one === size || one === size + 1n).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test("put a key where its token is", () => {
    const ranges = TokenRanges.even(16);
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(ranges.rangeOf(key)).toBe(ranges.rangeOfToken(tokenOf(key)));
        expect(ranges.rangeOf(key)).toBe(Number(tokenOf(key) >> 60n));
      }),
    );
  });

  test("are refused with a hole, out of order, or in a number that makes no sense", () => {
    const of = (...starts: bigint[]) => new TokenRanges(starts as Token[]);
    expect(() => of()).toThrow(RangeError);
    expect(() => of(1n)).toThrow(/begin at token 0/);
    expect(() => of(0n, 5n, 5n)).toThrow(/not behind 5/);
    expect(() => of(0n, TOKEN_SPACE)).toThrow(/not a token/);
    for (const count of [0, 1.5, 1_000_001])
      expect(() => TokenRanges.even(count)).toThrow(RangeError);
  });
});
