import { describe, expect, test } from "vitest";
import { BatchRequest, IncrementRequest, PutRequest, ReadOptions } from "./gen/titan/v1/codec.js";
import { MAX_ELEMENTS } from "./proto-error.js";

const put = PutRequest.create({ key: Uint8Array.of(107) });

describe("what cannot be encoded is refused", () => {
  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("%s as uint64", (ttlMs) => {
    expect(() => PutRequest.encode({ ...put, ttlMs })).toThrow(RangeError);
  });

  test("numbers beyond ±(2^53 - 1) as sint64, beyond 2^31 as an enumeration", () => {
    const increment = IncrementRequest.create({ delta: -(2 ** 53) });
    expect(() => IncrementRequest.encode(increment)).toThrow(RangeError);
    const read = ReadOptions.create({ consistency: (2 ** 31) as never });
    expect(() => ReadOptions.encode(read)).toThrow(RangeError);
  });

  test("text for bytes, and numbers for text", () => {
    expect(() => PutRequest.encode({ ...put, key: "k" as never })).toThrow(TypeError);
    expect(() => PutRequest.encode({ ...put, key: Uint16Array.of(1) as never })).toThrow(TypeError);
    expect(() => PutRequest.encode({ ...put, keyspace: 7 as never })).toThrow(TypeError);
  });

  test("more elements than the other side would read", () => {
    const operations = Array.from({ length: MAX_ELEMENTS + 1 }, () => ({ operation: undefined }));
    expect(() => BatchRequest.encode(BatchRequest.create({ operations }))).toThrow(
      expect.objectContaining({ code: "PROTO_TOO_MANY" }),
    );
  });

  test("and leaves nothing behind in the next message", () => {
    const expected = [...PutRequest.encode(put).finish()];
    expect(() => PutRequest.encode({ ...put, ttlMs: -1 })).toThrow(RangeError);
    expect([...PutRequest.encode(put).finish()]).toEqual(expected);
  });
});

describe("messages do not touch each other", () => {
  test("what one encode returned stays as it was after the next", () => {
    const first = PutRequest.encode({ ...put, value: new Uint8Array(3000).fill(1) }).finish();
    const copy = Uint8Array.from(first);
    PutRequest.encode({ ...put, value: new Uint8Array(3000).fill(2) }).finish();
    expect(Uint8Array.from(first)).toEqual(copy);
  });

  test("an encode begun inside another one has a buffer of its own", () => {
    const inner = [...PutRequest.encode(put).finish()];
    let fromGetter: number[] = [];
    const outer = {
      ...put,
      get keyspace() {
        fromGetter = [...PutRequest.encode(put).finish()];
        return "inside";
      },
    };
    const encoded = PutRequest.encode(outer).finish();
    expect(fromGetter).toEqual(inner);
    expect(PutRequest.decode(encoded)).toEqual({ ...put, keyspace: "inside" });
  });

  test("two begun before either is finished are both right", () => {
    const one = PutRequest.encode({ ...put, keyspace: "one" });
    const two = PutRequest.encode({ ...put, keyspace: "two" });
    expect(PutRequest.decode(one.finish()).keyspace).toBe("one");
    expect(PutRequest.decode(two.finish()).keyspace).toBe("two");
  });
});

test("lengths that need more than one byte move what was written before them", () => {
  for (const length of [127, 128, 16_383, 16_384, 2_097_152]) {
    const key = new Uint8Array(length).fill(3);
    const message = BatchRequest.create({
      operations: [
        { operation: { $case: "put", value: { key } } },
        { operation: { $case: "delete", value: { key: Uint8Array.of(1) } } },
      ],
    });
    const [first, second] = BatchRequest.decode(BatchRequest.encode(message).finish()).operations;
    expect(Buffer.compare(first?.operation?.value.key ?? put.key, key)).toBe(0);
    expect(second).toEqual(message.operations[1]);
  }
});

test("a lone surrogate becomes U+FFFD, as TextEncoder has it", () => {
  const encoded = PutRequest.encode({ ...put, keyspace: "a\u{d800}b" }).finish();
  expect(PutRequest.decode(encoded).keyspace).toBe("a\u{fffd}b");
});
