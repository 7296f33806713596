import fc from "fast-check";
import { expect, test } from "vitest";
import { toStoreKey } from "../../src/kv/keyspace.js";
import { KvError } from "../../src/kv/kv-error.js";
import { decodeResult } from "../../src/shard/result-codec.js";
import type { ShardCommand, ShardWrite } from "../../src/shard/shard-command.js";
import { readKeys } from "../../src/shard/shard-reads.js";
import { ModelShard } from "../support/model-shard.js";
import { MachineBench } from "../support/shard-machine.js";

const KEYS = ["a", "b", "c", "dd"].map((key) => Buffer.from(key));
const key = fc.constantFrom(...KEYS);
const value = fc
  .constantFrom("", "1", "-7", "x", "long".repeat(60))
  .map((text) => Buffer.from(text));
const ttlMs = fc.constantFrom(0, 0, 3, 20);
const put = fc.record({ type: fc.constant("put" as const), key, value, ttlMs });
const remove = fc.record({ type: fc.constant("delete" as const), key });
const get = fc.record({ type: fc.constant("get" as const), key });
const expectation = fc.oneof(
  fc.record({ type: fc.constant("value" as const), value }),
  fc.record({ type: fc.constant("revision" as const), revision: fc.nat(30) }),
  fc.record({ type: fc.constant("absent" as const), absent: fc.boolean() }),
);
const operator = fc.constantFrom("equal", "not-equal", "less", "greater");
const compare = fc.oneof(
  fc.record({ type: fc.constant("value" as const), operator, key, value }),
  fc.record({ type: fc.constant("revision" as const), operator, key, revision: fc.nat(30) }),
  fc.record({
    type: fc.constant("exists" as const),
    operator: fc.constant("equal"),
    key,
    exists: fc.boolean(),
  }),
);
const steps = fc.array(fc.oneof(put, remove, get), { maxLength: 4 });
const keyspace = fc.constantFrom(1, 1, 1, 2);
const body = fc.oneof(
  fc.record({ type: fc.constant("put" as const), keyspace, key, value, ttlMs }),
  fc.record({ type: fc.constant("delete" as const), keyspace, key }),
  fc.record({
    type: fc.constant("batch" as const),
    keyspace,
    operations: fc.array(fc.oneof(put, remove), { maxLength: 4 }),
  }),
  fc.record({
    type: fc.constant("compare-and-set" as const),
    keyspace,
    key,
    expected: expectation,
    newValue: fc.option(value, { nil: undefined }),
    ttlMs,
  }),
  fc.record({
    type: fc.constant("increment" as const),
    keyspace,
    key,
    delta: fc.integer({ min: -9, max: 9 }),
    ttlMs,
  }),
  fc.record({
    type: fc.constant("txn" as const),
    keyspace,
    responseBytes: fc.constantFrom(1 << 20, 1 << 20, 100),
    compares: fc.array(compare, { maxLength: 2 }),
    then: steps,
    otherwise: steps,
  }),
  fc.constant({ type: "expire" as const }),
  fc.record({ type: fc.constant("drop-keyspace" as const), keyspace: fc.constant(2) }),
);

/** What happens to the machine. */
type Happening =
  | { readonly type: "batch"; readonly commands: readonly ShardCommand[] }
  | { readonly type: "reopen" | "crash" | "move" };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("batch" as const),
      commands: fc.array(
        fc.record({
          body,
          atMs: fc.nat(60),
          writeId: fc.constant(undefined),
        }),
        { minLength: 1, maxLength: 6 },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom("reopen" as const, "crash" as const, "move" as const),
    }),
  },
);

function outcome(answer: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(JSON.stringify(decodeResult(answer ?? new Uint8Array(0)), hex));
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    return error.code;
  }
}

function hex(_: string, one: unknown): unknown {
  if (one instanceof Uint8Array) return Buffer.from(one).toString("hex");
  const isBuffer =
    typeof one === "object" && one !== null && "type" in one && one.type === "Buffer";
  return isBuffer ? Buffer.from((one as unknown as { data: number[] }).data).toString("hex") : one;
}

test("a shard does what an obvious twin does, whatever is asked, and however it ends in between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 12 }), async (happenings) => {
      let bench = await MachineBench.open();
      const model = new ModelShard();
      for (const one of happenings) {
        if (one.type === "batch") {
          const answers = await bench.runAll(one.commands);
          const expected = one.commands.map((command) => model.run(command));
          expect(answers.map(outcome)).toEqual(JSON.parse(JSON.stringify(expected, hex)));
        } else if (one.type === "reopen") {
          await bench.machine.close();
          bench = await bench.reopen();
        } else if (one.type === "crash") {
          await bench.machine.sync();
          bench = await MachineBench.open(bench.fileSystem.crash());
        } else {
          const { index, bytes } = await bench.snapshot();
          bench = await MachineBench.open();
          await bench.restore(index, bytes);
        }
        for (const space of [1, 2]) {
          const found = readKeys(bench.machine, space, KEYS).map(({ entry }) => entry);
          const known = KEYS.map((name) => model.get(toStoreKey(space, name)));
          expect(JSON.parse(JSON.stringify(found, hex))).toEqual(
            JSON.parse(JSON.stringify(known, hex)),
          );
        }
        expect(bench.machine.nowMs).toBe(model.nowMs);
      }
      await bench.machine.close();
    }),
    { numRuns: 60 },
  );
});

test("a replica that applies the same log in other batches holds the same bytes", async () => {
  const log = fc.array(body as fc.Arbitrary<ShardWrite>, { minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(log, fc.integer({ min: 1, max: 7 }), async (bodies, size) => {
      const [one, other] = [await MachineBench.open(), await MachineBench.open()];
      const commands = bodies.map((each, at) => ({ body: each, atMs: at * 4, writeId: undefined }));
      await one.runAll(commands);
      for (let at = 0; at < commands.length; at += size) {
        await other.runAll(commands.slice(at, at + size));
      }
      expect(other.records()).toEqual(one.records());
    }),
    { numRuns: 40 },
  );
});
