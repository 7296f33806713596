import fc from "fast-check";
import { describe, expect, test } from "vitest";
import xxhash from "xxhash-wasm";
import { U64 } from "./u64.js";
import { xxh64 } from "./xxh64.js";

const reference = await xxhash();

function hash(bytes: Uint8Array, seed = 0): bigint {
  const { hi, lo } = xxh64(bytes, 0, bytes.length, seed, new U64());
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

describe("xxh64", () => {
  test("gives the published value of nothing at all", () => {
    expect(hash(new Uint8Array(0))).toBe(0xef46db3751d8e999n);
  });

  test("agrees with the reference implementation on any bytes and seed", () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(bytes, fc.nat(2 ** 31 - 1), (input, seed) => {
        expect(hash(input, seed)).toBe(reference.h64Raw(input, BigInt(seed)));
      }),
      { numRuns: 500 },
    );
  });

  test("hashes a part of a buffer as if it were alone", () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 100 });
    fc.assert(
      fc.property(bytes, fc.nat(100), fc.nat(100), (input, one, other) => {
        const [from, to] = [one % input.length, other % input.length].toSorted((a, b) => a - b) as [
          number,
          number,
        ];
        const part = xxh64(input, from, to, 0, new U64());
        const { hi, lo } = xxh64(input.slice(from, to), 0, to - from, 0, new U64());
        expect(part).toEqual(new U64(hi, lo));
      }),
    );
  });
});
