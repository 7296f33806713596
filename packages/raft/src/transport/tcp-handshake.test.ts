import fc from "fast-check";
import { expect, test } from "vitest";
import {
  decodeHello,
  decodeWelcome,
  encodeHello,
  encodeWelcome,
  type Hello,
  type Welcome,
} from "./tcp-handshake.js";

const anyId = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const anyHello: fc.Arbitrary<Hello> = fc.record({
  version: fc.constant(1),
  purpose: fc.constantFrom("frames", "stream"),
  cluster: fc.uint8Array({ minLength: 1, maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
  from: anyId,
  to: anyId,
});
const anyWelcome: fc.Arbitrary<Welcome> = fc.record({
  version: fc.constant(1),
  verdict: fc.constantFrom("welcome", "wrong-version", "unknown-peer", "stream-limit"),
  from: anyId,
  to: anyId,
});

test("hello and welcome are read as they were written, and not before they are whole", () => {
  fc.assert(
    fc.property(anyHello, anyWelcome, fc.uint8Array({ maxLength: 9 }), (hello, welcome, rest) => {
      const helloBytes = encodeHello(hello);
      const welcomeBytes = encodeWelcome(welcome);
      const followed = (bytes: Buffer): Buffer => Buffer.concat([bytes, rest]);
      expect(decodeHello(followed(helloBytes))).toEqual({
        message: hello,
        length: helloBytes.length,
      });
      expect(decodeWelcome(followed(welcomeBytes))).toEqual({
        message: welcome,
        length: welcomeBytes.length,
      });
      for (let end = 0; end < helloBytes.length; end += 7) {
        expect(decodeHello(helloBytes.subarray(0, end))).toBeUndefined();
      }
    }),
  );
});

test("no bytes make the decoders throw, and none but sound ones make a message", () => {
  const damaged = fc
    .tuple(anyHello, fc.nat(), fc.integer({ min: 1, max: 255 }))
    .map(([hello, at, flip]) => {
      const bytes = encodeHello(hello);
      bytes[at % bytes.length]! ^= flip;
      return bytes;
    });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        damaged,
      ),
      (bytes) => {
        for (const decoded of [decodeHello(bytes), decodeWelcome(bytes)]) {
          expect(decoded === undefined || "fault" in decoded).toBe(true);
        }
      },
    ),
  );
});
