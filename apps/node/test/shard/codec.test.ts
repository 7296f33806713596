import fc from "fast-check";
import { expect, test } from "vitest";
import { KvError } from "../../src/kv/kv-error.js";
import { toRevision } from "../../src/kv/revision.js";
import { decodeCommand, encodeCommand, stampCommand } from "../../src/shard/command-codec.js";
import { decodeResult, encodeResult } from "../../src/shard/result-codec.js";
import type { ShardCommand, ShardResult } from "../../src/shard/shard-command.js";
import { MalformedBytes } from "../../src/wire/byte-reader.js";

const nat = fc.maxSafeNat();
const bytes = fc.uint8Array({ maxLength: 40 });
const key = fc.uint8Array({ minLength: 1, maxLength: 300 });
const keyspace = fc.integer({ min: 1, max: 0xffff });
const put = fc.record({ type: fc.constant("put" as const), key, value: bytes, ttlMs: nat });
const remove = fc.record({ type: fc.constant("delete" as const), key });
const get = fc.record({ type: fc.constant("get" as const), key });
const operator = fc.constantFrom("equal", "not-equal", "less", "greater");
const expectation = fc.oneof(
  fc.record({ type: fc.constant("value" as const), value: bytes }),
  fc.record({ type: fc.constant("revision" as const), revision: nat }),
  fc.record({ type: fc.constant("absent" as const), absent: fc.boolean() }),
);
const compare = fc.oneof(
  fc.record({ type: fc.constant("value" as const), operator, key, value: bytes }),
  fc.record({ type: fc.constant("revision" as const), operator, key, revision: nat }),
  fc.record({ type: fc.constant("exists" as const), operator, key, exists: fc.boolean() }),
);
const steps = fc.array(fc.oneof(put, remove, get), { maxLength: 5 });
const body = fc.oneof(
  fc.record({ type: fc.constant("put" as const), keyspace, key, value: bytes, ttlMs: nat }),
  fc.record({ type: fc.constant("delete" as const), keyspace, key }),
  fc.record({
    type: fc.constant("batch" as const),
    keyspace,
    operations: fc.array(fc.oneof(put, remove), { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant("compare-and-set" as const),
    keyspace,
    key,
    expected: expectation,
    newValue: fc.option(bytes, { nil: undefined }),
    ttlMs: nat,
  }),
  fc.record({
    type: fc.constant("increment" as const),
    keyspace,
    key,
    delta: fc.maxSafeInteger(),
    ttlMs: nat,
  }),
  fc.record({
    type: fc.constant("txn" as const),
    keyspace,
    responseBytes: nat,
    compares: fc.array(compare, { maxLength: 4 }),
    then: steps,
    otherwise: steps,
  }),
  fc.constant({ type: "expire" as const }),
  fc.constant({ type: "checksum" as const }),
  fc.record({ type: fc.constant("drop-keyspace" as const), keyspace }),
  fc.record({ type: fc.constant("open-session" as const), sessionId: bytes, idleTimeoutMs: nat }),
  fc.record({ type: fc.constant("close-session" as const), sessionId: bytes }),
);
const command: fc.Arbitrary<ShardCommand> = fc.record({
  body,
  atMs: nat,
  writeId: fc.option(fc.record({ sessionId: bytes, sequence: nat, acknowledgedBelow: nat }), {
    nil: undefined,
  }),
});

const revision = nat.map((number) => toRevision(number));
const entry = fc.option(
  fc.record({
    value: bytes,
    revision,
    expiresAtMs: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
  }),
  { nil: undefined },
);
const stepResult = fc.oneof(
  fc.constant({ type: "put" as const }),
  fc.record({ type: fc.constant("delete" as const), existed: fc.boolean() }),
  fc.record({ type: fc.constant("get" as const), entry }),
);
const result: fc.Arbitrary<ShardResult> = fc.oneof(
  fc.record({ type: fc.constantFrom("put", "batch", "checksum"), revision }),
  fc.record({ type: fc.constant("delete" as const), existed: fc.boolean(), revision }),
  fc.record({
    type: fc.constant("compare-and-set" as const),
    nowMs: nat,
    applied: fc.constant(true as const),
    revision,
  }),
  fc.record({
    type: fc.constant("compare-and-set" as const),
    nowMs: nat,
    applied: fc.constant(false as const),
    current: entry,
  }),
  fc.record({ type: fc.constant("increment" as const), value: fc.maxSafeInteger(), revision }),
  fc.record({
    type: fc.constant("txn" as const),
    succeeded: fc.boolean(),
    results: fc.array(stepResult, { maxLength: 5 }),
    revision,
    nowMs: nat,
  }),
  fc.record({ type: fc.constantFrom("expire", "drop-keyspace"), isMore: fc.boolean() }),
  fc.record({ type: fc.constantFrom("open-session", "close-session") }),
) as fc.Arbitrary<ShardResult>;

/** Buffers count as the bytes that they hold; -0 does not exist on the road. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) =>
      one instanceof Uint8Array ? Buffer.from(one).toString("hex") : one,
    ).replaceAll(/\{"type":"Buffer","data":\[([^\]]*)\]\}/gu, (_, list: string) => {
      return JSON.stringify(
        Buffer.from(list === "" ? [] : list.split(",").map(Number)).toString("hex"),
      );
    }),
  );
}

test("decoding undoes encoding, for every command", () => {
  fc.assert(
    fc.property(command, (one) => {
      expect(plain(decodeCommand(encodeCommand(one)))).toEqual(plain(one));
    }),
  );
});

test("stamping a command changes its time and nothing else", () => {
  fc.assert(
    fc.property(command, nat, (one, atMs) => {
      const encoded = encodeCommand(one);
      stampCommand(encoded, atMs);
      expect(Buffer.from(encoded).equals(encodeCommand({ ...one, atMs }))).toBe(true);
    }),
  );
});

test("the layout of commands is stable", () => {
  const encoded = encodeCommand({
    body: {
      type: "put",
      keyspace: 0x0102,
      key: Buffer.from("k"),
      value: Buffer.from("v"),
      ttlMs: 5,
    },
    atMs: 0x0102030405,
    writeId: { sessionId: Buffer.from("s"), sequence: 7, acknowledgedBelow: 6 },
  });
  const hex = [
    "01",
    "01",
    "0504030201000000",
    "01",
    "01",
    "73",
    "07",
    "06",
    "03",
    "01026b",
    "05",
    "76",
  ];
  expect(Buffer.from(encoded).toString("hex")).toBe(hex.join(""));
});

test("whatever bytes come, decoding a command gives one or says that they are malformed", () => {
  const mangled = fc
    .tuple(command, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean())
    .map(([one, at, byte, isCut]) => {
      const encoded = Uint8Array.from(encodeCommand(one));
      encoded[at % encoded.length] = byte;
      return isCut ? encoded.subarray(0, at % encoded.length) : encoded;
    });
  fc.assert(
    fc.property(fc.oneof(mangled, fc.uint8Array({ maxLength: 64 })), (hostile) => {
      try {
        const decoded = decodeCommand(hostile);
        expect(plain(decodeCommand(encodeCommand(decoded)))).toEqual(plain(decoded));
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedBytes);
      }
    }),
    { numRuns: 500 },
  );
});

test("every proper beginning of a command is malformed, unless it is a put, whose value is the rest", () => {
  fc.assert(
    fc.property(command, (one) => {
      const encoded = encodeCommand(one);
      const least =
        one.body.type === "put" ? encoded.length - one.body.value.length : encoded.length;
      for (let length = 0; length < least; length += 1) {
        expect(() => decodeCommand(encoded.subarray(0, length))).toThrow(MalformedBytes);
      }
    }),
    { numRuns: 50 },
  );
});

test("decoding undoes encoding, for every result", () => {
  fc.assert(
    fc.property(result, (one) => {
      expect(plain(decodeResult(encodeResult(one)))).toEqual(plain(one));
    }),
  );
});

test("a refusal is thrown as it was decided", () => {
  const encoded = encodeResult({
    type: "refused",
    code: "NOT_A_COUNTER",
    message: "no integer",
    outcome: "unknown",
    metadata: { limit: "5" },
  });
  let thrown: unknown;
  try {
    decodeResult(encoded);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(KvError);
  expect(thrown).toMatchObject({
    code: "NOT_A_COUNTER",
    message: "no integer",
    outcome: "unknown",
    metadata: { limit: "5" },
  });
});

test("whatever bytes come, decoding a result gives one, throws a refusal or says that they are malformed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (hostile) => {
      try {
        decodeResult(hostile);
      } catch (error) {
        const isExpected = error instanceof MalformedBytes || error instanceof KvError;
        expect(isExpected).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
