/** The generated codec against an independent twin: ts-proto's own, generated from the same contract. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as codec from "../src/gen/titan/v1/codec.js";
import type { MessageType } from "../src/message-type.js";
import { arbitraryMessage, MESSAGE_TYPES } from "./arbitrary-message.js";
import * as referenceCluster from "./gen/titan/v1/cluster.js";
import * as referenceKv from "./gen/titan/v1/kv.js";
import * as referencePipeline from "./gen/titan/v1/pipeline.js";

type Fields = Record<string, unknown>;
type Codec = Pick<MessageType<Fields, Fields>, "encode" | "decode" | "fromPartial">;

const seed = Number(process.env["TITAN_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const numRuns = Number(process.env["TITAN_RUNS"] ?? 50);
process.stdout.write(`codec.test: TITAN_SEED=${seed}\n`);
const check = (property: fc.IProperty<unknown>) => fc.assert(property, { seed, numRuns });

const ours = codec as unknown as Record<string, Codec>;
const theirs = { ...referenceCluster, ...referenceKv, ...referencePipeline } as unknown as Record<
  string,
  Codec
>;
const cases = MESSAGE_TYPES.map((type) => ({
  name: type.name,
  type,
  mine: ours[type.name]!,
  reference: theirs[type.name]!,
}));

test("the contract's messages are all there", () => {
  expect(cases.length).toBeGreaterThan(40);
  expect(cases.filter(({ mine, reference }) => !mine || !reference)).toEqual([]);
});

describe.each(cases)("$name", ({ type, mine, reference }) => {
  const message = arbitraryMessage(type);

  test("is encoded to the very bytes of the twin, and decoded to the message it was", () => {
    check(
      fc.property(message, (fields) => {
        const encoded = Uint8Array.from(mine.encode(fields).finish());
        expect(hex(encoded)).toBe(hex(reference.encode(fields).finish()));
        const decoded = mine.decode(encoded);
        expect(decoded).toStrictEqual(fields);
        expect(decoded).toStrictEqual(reference.decode(encoded));
        expect(Object.keys(decoded)).toEqual(Object.keys(reference.decode(encoded)));
      }),
    );
  });

  test("is completed from a part of itself as the twin does, and so encoded", () => {
    const part = message.chain((fields) =>
      fc.subarray(Object.keys(fields)).map((kept) => pick(fields, kept)),
    );
    check(
      fc.property(part, (fields) => {
        expect(mine.fromPartial(fields)).toStrictEqual(reference.fromPartial(fields));
        const completed = mine.encode(mine.fromPartial(fields)).finish();
        expect(hex(mine.encode(fields).finish())).toBe(hex(completed));
      }),
    );
  });

  test("is refused when damaged wherever the twin refuses it, and never read differently", () => {
    const damaged = fc
      .tuple(message, fc.nat(), fc.nat({ max: 255 }), fc.boolean())
      .map(([fields, at, byte, cut]) => damage(mine.encode(fields).finish(), at, byte, cut));
    check(
      fc.property(damaged, (bytes) => {
        const mineSays = attempt(() => mine.decode(bytes));
        const theirsSays = attempt(() => reference.decode(bytes));
        if (mineSays.error !== undefined) {
          expect(mineSays.error).toMatchObject({ name: "ProtoError" });
        } else {
          expect(theirsSays).toEqual(mineSays);
        }
      }),
    );
  });
});

test("arbitrary bytes are decoded or refused with a typed error, by every message", () => {
  check(
    fc.property(fc.constantFrom(...cases), fc.uint8Array({ maxLength: 64 }), ({ mine }, bytes) => {
      const { error } = attempt(() => mine.decode(bytes));
      if (error !== undefined) expect(error).toMatchObject({ name: "ProtoError" });
    }),
  );
});

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function attempt(action: () => Fields): { value?: Fields; error?: unknown } {
  try {
    return { value: action() };
  } catch (error) {
    return { error };
  }
}

/** Cuts the bytes at `at`, or replaces the byte there. */
function damage(bytes: Uint8Array, at: number, byte: number, cut: boolean): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (copy.length === 0) return Uint8Array.of(byte);
  if (cut) return copy.subarray(0, at % copy.length);
  copy[at % copy.length] = byte;
  return copy;
}

function pick(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}
