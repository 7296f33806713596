import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ClientError, isClientError } from "./errors.js";
import { keyFromBytes, keyToBytes } from "./keys.js";
import { bytesValues, jsonValues, stringValues } from "./values.js";

const seed = Number(process.env["TITAN_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

describe(`with TITAN_SEED=${seed}`, () => {
  test("every well-formed string comes back, byte-order mark and NUL included", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(stringValues.decode(stringValues.encode(text))).toBe(text);
        if (text !== "") expect(keyFromBytes(keyToBytes(text), "string")).toBe(text);
      }),
      { seed },
    );
    expect(stringValues.decode(stringValues.encode("\ufeffa\0"))).toBe("\ufeffa\0");
  });

  test("every JSON value comes back", () => {
    const codec = jsonValues();
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // JSON has one zero only.
        const expected = JSON.parse(JSON.stringify(value)) as unknown;
        expect(codec.decode(codec.encode(value as string))).toEqual(expected);
      }),
      { seed },
    );
  });

  test("text is decoded exactly when it is UTF-8", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const isUtf8 = Buffer.compare(Buffer.from(Buffer.from(bytes).toString()), bytes) === 0;
        if (isUtf8)
          expect([...stringValues.encode(stringValues.decode(bytes))]).toEqual([...bytes]);
        else expect(() => stringValues.decode(bytes)).toThrow(TypeError);
      }),
      { seed },
    );
  });
});

test("what a codec cannot hold is refused", () => {
  expect(() => stringValues.encode("\ud800")).toThrow(RangeError);
  expect(() => stringValues.encode(1 as unknown as string)).toThrow(TypeError);
  expect(() => bytesValues.encode("text" as unknown as Uint8Array)).toThrow(TypeError);
  expect(() => jsonValues().encode(undefined as never)).toThrow(TypeError);
  expect(() => jsonValues<unknown>().encode(1n)).toThrow(TypeError);
});

test("errors are recognised by mark, not by class", () => {
  const error = new ClientError({ code: "CLIENT_CLOSED", outcome: "not-applied", message: "m" });
  expect(isClientError(error)).toBe(true);
  // What a second copy of the package would make: another object with the same mark.
  const marked = Object.assign(new Error(), { [Symbol.for("@titan/client:ClientError")]: true });
  expect(isClientError(marked)).toBe(true);
  expect(isClientError(new Error("CLIENT_CLOSED"))).toBe(false);
  for (const nothing of [null, undefined, "CLIENT_CLOSED", 1]) {
    expect(isClientError(nothing)).toBe(false);
  }
});
