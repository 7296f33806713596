import fc from "fast-check";
import { expect, test } from "vitest";
import { toRevision } from "./revision.js";
import { decodeStoredValue, encodeStoredValue } from "./stored-value.js";

test("decoding undoes encoding, for every revision and value", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.uint8Array(), (number, value) => {
      const decoded = decodeStoredValue(encodeStoredValue(toRevision(number), value));
      expect(decoded.revision).toBe(number);
      expect(Buffer.compare(decoded.value, value)).toBe(0);
    }),
  );
});

test("the layout is stable", () => {
  const bytes = encodeStoredValue(toRevision(0x1f_0102_0304_0506), Uint8Array.of(0xaa));
  expect(Buffer.from(bytes).toString("hex")).toBe("011f010203040506aa");
});

test.each([[[]], [[1, 0, 0]], [[2, 0, 0, 0, 0, 0, 0, 1]]])("%j is refused", (bytes) => {
  expect(() => decodeStoredValue(Uint8Array.from(bytes))).toThrow("unknown layout");
});
