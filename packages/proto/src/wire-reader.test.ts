import { describe, expect, test } from "vitest";
import { BatchRequest, GetResponse, IncrementRequest, PutRequest } from "./gen/titan/v1/codec.js";
import { MAX_ELEMENTS } from "./proto-error.js";
import { EMPTY_BYTES, WireReader } from "./wire-reader.js";

const bytes = (...values: number[]) => Uint8Array.from(values);
const malformed = expect.objectContaining({ name: "ProtoError", code: "PROTO_MALFORMED" });
const outOfRange = expect.objectContaining({ name: "ProtoError", code: "PROTO_OUT_OF_RANGE" });

describe("numbers", () => {
  const max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];

  test("2^53 - 1 is read, 2^53 is refused rather than rounded", () => {
    expect(new WireReader(bytes(...max)).uint64()).toBe(2 ** 53 - 1);
    const above = bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10);
    expect(() => new WireReader(above).uint64()).toThrow(outOfRange);
  });

  test("±(2^53 - 1) are read as zigzag numbers, and nothing beyond", () => {
    for (const delta of [2 ** 53 - 1, 1 - 2 ** 53, -1, 63, -64, 64, 2 ** 31, -(2 ** 40) - 1]) {
      expect(
        IncrementRequest.decode(IncrementRequest.encode({ ...zero, delta }).finish()).delta,
      ).toBe(delta);
    }
    const beyond = bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f);
    expect(() => new WireReader(beyond).sint64()).toThrow(outOfRange);
  });

  test("padded varints count, up to ten bytes and 2^64 - 1", () => {
    const padded = [0x81, ...Array.from({ length: 8 }, () => 0x80), 0x00];
    expect(new WireReader(bytes(...padded)).uint64()).toBe(1);
    const eleven = [0x81, ...Array.from({ length: 9 }, () => 0x80), 0x00];
    expect(() => new WireReader(bytes(...eleven)).uint64()).toThrow(malformed);
    const over = [...Array.from({ length: 9 }, () => 0xff), 0x02];
    expect(() => new WireReader(bytes(...over)).uint64()).toThrow(malformed);
  });

  const zero = IncrementRequest.create();
});

describe("ownership", () => {
  test("bytes fields view the input, as plain Uint8Arrays even of a Buffer", () => {
    const input = Buffer.from(
      PutRequest.encode(PutRequest.create({ value: bytes(1, 2) })).finish(),
    );
    const { key, value } = PutRequest.decode(input);
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
    expect(key).toBe(EMPTY_BYTES);
    const copy = value.slice();
    input.fill(9);
    expect([...value]).toEqual([9, 9]);
    expect([...copy]).toEqual([1, 2]);
  });
});

describe("damage", () => {
  test("a field that reaches past its message is refused, even where the bytes go on", () => {
    // operations[0] claims two bytes, but the put inside it claims three.
    const overlapping = bytes(0x0a, 2, 0x0a, 3, 0x0a, 1, 107);
    expect(() => BatchRequest.decode(overlapping)).toThrow(malformed);
  });

  test.each([
    ["field number 0", [0x00, 0x01]],
    ["an end of a group that never began", [0x0c]],
    ["wire type 7", [0x0f]],
    ["a length of 2^32 - 1", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ["a length above 2^32 - 1", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x1f]],
    ["text that is not UTF-8", [0x1a, 1, 0xff]],
    ["groups nested without end", Array.from({ length: 5000 }, () => 0x7b)],
    ["the end of another group", [0x7b, 0x74]],
  ])("%s is refused", (_, damaged) => {
    expect(() => PutRequest.decode(bytes(...damaged))).toThrow(malformed);
  });

  test("fields of a newer version are stepped over, whatever their type", () => {
    const unknown = [
      0xa0, 6, 1, 0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 6, 1, 9, 0xa5, 6, 1, 2, 3, 4,
    ];
    const group = [0xa3, 6, 0x08, 1, 0xa4, 6];
    expect(GetResponse.decode(bytes(...unknown, ...group, 0x08, 1))).toEqual(
      GetResponse.create({ found: true }),
    );
  });

  test("a known field of another wire type counts as unknown", () => {
    expect(PutRequest.decode(bytes(0x08, 5))).toEqual(PutRequest.create());
  });

  test("a list of more elements than a message may have is refused", () => {
    const atLimit = new Uint8Array(MAX_ELEMENTS * 2);
    for (let at = 0; at < atLimit.length; at += 2) atLimit[at] = 0x0a;
    expect(BatchRequest.decode(atLimit).operations.length).toBe(MAX_ELEMENTS);
    const above = Buffer.concat([atLimit, bytes(0x0a, 0)]);
    expect(() => BatchRequest.decode(above)).toThrow(
      expect.objectContaining({ code: "PROTO_TOO_MANY" }),
    );
  });
});
