import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { ByteView } from "./byte-view.js";
import { crc32Of } from "./crc32.js";
import { SeededRandom } from "./testing/index.js";

test("sums are zlib's, whatever length, offset and seed", () => {
  const random = new SeededRandom(5);
  const bytes = Buffer.from(Array.from({ length: 1000 }, () => random.nextInt(256)));
  const source = new ByteView(bytes.subarray(3));
  for (let length = 0; length < 600; length++) {
    const from = random.nextInt(300);
    const seed = random.nextInt(2 ** 32);
    const expected = crc32(bytes.subarray(3 + from, 3 + from + length), seed);
    expect(crc32Of(source, from, from + length, seed)).toBe(expected);
  }
});
