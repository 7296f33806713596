import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ChunkDecoder, encodeChunks } from "./snapshot-format.js";

async function encode(pieces: readonly Uint8Array[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of encodeChunks(pieces)) parts.push(part);
  return Buffer.concat(parts);
}

function decode(encoded: Uint8Array, pieceBytes: number): Buffer {
  const decoder = new ChunkDecoder();
  const found: Uint8Array[] = [];
  for (let at = 0; at < encoded.length; at += pieceBytes) {
    found.push(...decoder.push(encoded.subarray(at, at + pieceBytes)));
  }
  decoder.expectComplete();
  return Buffer.concat(found);
}

const pieces = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 50 }),
    fc.nat(300_000).map((bytes) => new Uint8Array(bytes).fill(bytes % 251)),
  ),
  { maxLength: 6 },
);

describe("a snapshot's bytes", () => {
  test("come back as they were, however they were cut on the way", async () => {
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 1, max: 400_000 }), async (given, cut) => {
        const encoded = await encode(given);
        const pieceBytes = Math.max(cut, Math.ceil(encoded.length / 500));
        expect(decode(encoded, pieceBytes).equals(Buffer.concat(given))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("with one bit turned over, cut short or with something behind are refused", async () => {
    const given = [new Uint8Array(300_000).fill(1), new Uint8Array(10).fill(2)];
    const encoded = await encode(given);
    fc.assert(
      fc.property(fc.nat(encoded.length - 1), fc.nat(7), (at, bit) => {
        const flipped = Buffer.from(encoded);
        flipped[at]! ^= 1 << bit;
        expect(() => decode(flipped, 65_536)).toThrow(/damaged/);
        expect(() => decode(encoded.subarray(0, at), 65_536)).toThrow(/damaged/);
        const longer = Buffer.concat([encoded, encoded.subarray(0, at + 1)]);
        expect(() => decode(longer, 65_536)).toThrow(/damaged/);
      }),
      { numRuns: 60 },
    );
  });

  test("with two chunks in each other's place are refused", async () => {
    const encoded = await encode([new Uint8Array(2 * 262_144).map((_, at) => at >> 18)]);
    const chunkBytes = 8 + 262_144;
    const swapped = Buffer.concat([
      encoded.subarray(chunkBytes, 2 * chunkBytes),
      encoded.subarray(0, chunkBytes),
      encoded.subarray(2 * chunkBytes),
    ]);
    expect(() => decode(swapped, 65_536)).toThrow(/chunk 0/);
  });
});
