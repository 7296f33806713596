import fc from "fast-check";
import { expect, test } from "vitest";
import { KV_ERROR_CODES, KvError } from "../../src/kv/kv-error.js";
import { toRevision } from "../../src/kv/revision.js";
import { decodeError, encodeError } from "../../src/peer/error-codec.js";
import * as bodies from "../../src/routing/peer-bodies.js";
import { MalformedBytes } from "../../src/wire/byte-reader.js";

const bytes = fc.uint8Array({ maxLength: 20 });
const natural = fc.maxSafeNat();
const small = fc.nat(70_000);
const revision = natural.map(toRevision);
const entry = fc.record({
  ...{ value: bytes, revision },
  expiresAtMs: fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
});
const freshness = fc.oneof(
  fc.constant({ type: "linearizable" as const }),
  fc.record({ type: fc.constant("stale" as const), maxStalenessMs: natural, atLeast: natural }),
);
const change = fc
  .tuple(entry, fc.constantFrom("put" as const, "delete" as const, "expire" as const), small, bytes)
  .map(([one, kind, keyspace, key]) => ({ kind, keyspace, key, ...one }));

const CODECS = [
  {
    name: "proposal",
    values: fc.record({ shard: small, command: bytes }),
    encode: ({ shard, command }: { shard: number; command: Uint8Array }) =>
      bodies.encodeProposal(shard, command),
    decode: bodies.decodeProposal,
  },
  {
    name: "read",
    values: fc.record({ shard: small, keyspace: small, keys: fc.array(bytes), freshness }),
    encode: bodies.encodeRead,
    decode: bodies.decodeRead,
  },
  {
    name: "entries",
    values: fc.array(
      fc.record({
        entry: fc.option(entry, { nil: undefined }),
        ...{ nowMs: natural, shardRevision: revision },
      }),
      { minLength: 1 },
    ),
    encode: bodies.encodeReadEntries,
    decode: bodies.decodeReadEntries,
  },
  {
    name: "scan",
    values: fc.record({
      shard: small,
      range: fc.record({
        ...{ keyspace: small, from: bytes, afterFrom: fc.boolean(), to: bytes },
        reverse: fc.boolean(),
      }),
      page: fc.record({ maxKeys: small, maxBytes: small, keysOnly: fc.boolean() }),
      freshness,
    }),
    encode: bodies.encodeScan,
    decode: bodies.decodeScan,
  },
  {
    name: "page",
    values: fc.record({
      ...{ nowMs: natural, shardRevision: revision, isMore: fc.boolean() },
      entries: fc.array(fc.tuple(bytes, entry).map(([key, one]) => ({ key, ...one }))),
    }),
    encode: bodies.encodePage,
    decode: bodies.decodePage,
  },
  {
    name: "question for changes",
    values: fc.record({
      ...{ shard: small, waitMs: small },
      from: fc.oneof(natural, fc.constant("now" as const)),
    }),
    encode: bodies.encodeChangesCall,
    decode: bodies.decodeChangesCall,
  },
  {
    name: "history",
    values: fc.oneof(
      fc.record({ type: fc.constant("compacted" as const), oldest: natural }),
      fc.record({
        type: fc.constant("changes" as const),
        changes: fc.array(change),
        progress: natural,
      }),
    ),
    encode: bodies.encodeHistory,
    decode: bodies.decodeHistory,
  },
] as const;

for (const { name, values, encode, decode } of CODECS) {
  test(`decoding undoes encoding: ${name}`, () => {
    fc.assert(
      fc.property(values as fc.Arbitrary<unknown>, (value) => {
        const encoded = (encode as (value: unknown) => Uint8Array)(value);
        expect(plain(decode(encoded))).toEqual(plain(value));
      }),
    );
  });

  test(`bytes cut short, changed or made up are refused or read, and nothing else: ${name}`, () => {
    const changed = fc
      .tuple(values as fc.Arbitrary<unknown>, fc.nat(), fc.nat(255), fc.boolean())
      .map(([value, at, byte, isCut]) => {
        const copy = Uint8Array.from((encode as (value: unknown) => Uint8Array)(value));
        const place = at % Math.max(1, copy.length);
        if (isCut) return copy.subarray(0, place);
        copy[place] = byte;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array()), (hostile) => {
        try {
          decode(hostile);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes);
        }
      }),
      { numRuns: 500 },
    );
  });
}

test("values that are too large for one answer come in several", () => {
  const value = new Uint8Array(3 * 1024 * 1024);
  const one = {
    entry: { value, revision: toRevision(1), expiresAtMs: undefined },
    ...{ nowMs: 1, shardRevision: toRevision(1) },
  };
  expect(bodies.decodeReadEntries(bodies.encodeReadEntries([one, one, one, one]))).toHaveLength(2);
  const large = { ...one, entry: { ...one.entry, value: new Uint8Array(9 * 1024 * 1024) } };
  expect(bodies.decodeReadEntries(bodies.encodeReadEntries([large, one]))).toHaveLength(1);
});

test("errors keep code, outcome, words and metadata; a code of a later version is an internal error", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...KV_ERROR_CODES),
      fc.constantFrom("not-applied" as const, "unknown" as const),
      fc.string({ maxLength: 100, unit: "grapheme" }),
      fc.dictionary(
        fc.string().filter((name) => name !== "__proto__"),
        fc.string(),
        { noNullPrototype: true },
      ),
      (code, outcome, message, metadata) => {
        const decoded = decodeError(encodeError(new KvError({ code, outcome, message, metadata })));
        expect(decoded).toMatchObject({ code, outcome, message, metadata });
      },
    ),
  );
  const later = { code: "LATER", outcome: "unknown", message: "words" } as unknown as KvError;
  expect(decodeError(encodeError(new KvError(later)))).toMatchObject({
    ...{ code: "INTERNAL", outcome: "unknown", message: "LATER: words" },
  });
});

test("bytes that are no error are refused, and nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (hostile) => {
      try {
        decodeError(hostile);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedBytes);
      }
    }),
  );
});

/** Bytes as hex, so that views compare equal to arrays. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}
