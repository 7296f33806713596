import { expect, test } from "vitest";
import { decodeManifest, encodeManifest, type Manifest } from "./manifest.js";

const manifest: Manifest = {
  storeId: "00112233445566778899aabbccddeeff",
  generation: 3,
  nextFileId: 4,
  nextSequence: 99,
  timeFloorMs: 12,
  files: [{ id: 3, durableBytes: 64, isSealed: false, keptTombstoneBytes: 0 }],
  obsoleteFileIds: [1, 2],
};

test("a manifest reads back as it was written", () => {
  expect(decodeManifest(encodeManifest(manifest), "m")).toEqual(manifest);
});

test("no bit can be turned over, and no byte lost, unnoticed", () => {
  const bytes = encodeManifest(manifest);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(() => decodeManifest(flipped, "m"), `bit ${bit}`).toThrow(/BITCASK|damaged|newer/);
  }
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decodeManifest(bytes.subarray(0, length), "m")).toThrow(/damaged/);
  }
});

test("a field of the wrong kind is refused even with a sound checksum", () => {
  for (const change of [
    { storeId: "short" },
    { nextFileId: -1 },
    { files: [{}] },
    { files: undefined },
    { obsoleteFileIds: ["1"] },
  ]) {
    const bytes = encodeManifest({ ...manifest, ...change } as Manifest);
    expect(() => decodeManifest(bytes, "m")).toThrow(
      expect.objectContaining({ code: "BITCASK_CORRUPT" }),
    );
  }
});
