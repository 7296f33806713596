/** What the model test does to a store, as plain data that fast-check makes and shrinks. */
import * as fc from "fast-check";
import type { BatchOperation, ScanOptions, SyncMode } from "../../src/index.js";

export type Action =
  | { type: "write"; operations: BatchOperation[]; isBatch: boolean; sync: SyncMode }
  | { type: "concurrent"; writes: BatchOperation[][]; sync: SyncMode }
  | { type: "scan"; options: ScanOptions }
  /** A scan that began before a write and a merge, and ends after them. */
  | { type: "scan-across"; options: ScanOptions; operations: BatchOperation[] }
  /** Takes a view of the store as it is now. It is compared after every action until it is released. */
  | { type: "snapshot" }
  | { type: "release" }
  | { type: "sync" }
  | { type: "merge" }
  | { type: "advance"; milliseconds: number }
  | { type: "jump-wall"; milliseconds: number }
  | { type: "reopen" }
  /** Writes are called; after so many turns of the event loop's microtasks the machine fails. */
  | { type: "crash"; writes: BatchOperation[][]; sync: SyncMode; turns: number; seed: number }
  | { type: "kill"; writes: BatchOperation[][]; sync: SyncMode; turns: number };

/** Keys whose byte order differs from the order of JavaScript's strings, and prefixes of each other. */
export const MODEL_KEYS = ["a", "ab", "abc", "b", "é", "\uffff", "\u{10000}"] as const;

const key = fc.constantFrom(...MODEL_KEYS);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constant("") },
  { weight: 2, arbitrary: fc.integer({ min: 13, max: 900 }).map((length) => "x".repeat(length)) },
);
const put: fc.Arbitrary<BatchOperation> = fc.record(
  {
    type: fc.constant("put" as const),
    key,
    value,
    ttlMs: fc.integer({ min: 1, max: 2000 }),
  },
  { requiredKeys: ["type", "key", "value"] },
);
const remove: fc.Arbitrary<BatchOperation> = fc.record({
  type: fc.constant("delete" as const),
  key,
});
const operation = fc.oneof({ weight: 3, arbitrary: put }, { weight: 2, arbitrary: remove });
const operations = fc.array(operation, { minLength: 1, maxLength: 4 });
const writes = fc.array(operations, { minLength: 1, maxLength: 4 });
const sync = fc.constantFrom<SyncMode>("always", "interval", "never");
const turns = fc.integer({ min: 0, max: 60 });

const lower = fc.oneof(fc.constant({}), fc.record({ gt: key }), fc.record({ gte: key }));
const upper = fc.oneof(fc.constant({}), fc.record({ lt: key }), fc.record({ lte: key }));
const form = fc.record(
  {
    prefix: fc.constantFrom("a", "ab", "é", ""),
    reverse: fc.boolean(),
    limit: fc.integer({ min: 0, max: 5 }),
  },
  { requiredKeys: [] },
);
const bounds = fc
  .tuple(lower, upper, form)
  .map(([from, to, rest]): ScanOptions => ({ ...from, ...to, ...rest }));

const of = <T extends Action["type"]>(type: T): fc.Arbitrary<T> => fc.constant(type);

const single = fc
  .tuple(operation, sync)
  .map(([one, mode]) => ({ operations: [one], isBatch: false, sync: mode }));
const batch = fc
  .tuple(operations, sync)
  .map(([many, mode]) => ({ operations: many, isBatch: true, sync: mode }));
const write = fc.oneof(single, batch).map((parts): Action => ({ type: "write", ...parts }));

export const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: write },
  { weight: 3, arbitrary: fc.record({ type: of("concurrent"), writes, sync }) },
  { weight: 3, arbitrary: fc.record({ type: of("scan"), options: bounds }) },
  { weight: 2, arbitrary: fc.record({ type: of("scan-across"), options: bounds, operations }) },
  { weight: 2, arbitrary: fc.record({ type: of("snapshot") }) },
  { weight: 1, arbitrary: fc.record({ type: of("release") }) },
  { weight: 1, arbitrary: fc.record({ type: of("sync") }) },
  { weight: 2, arbitrary: fc.record({ type: of("merge") }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: of("advance"),
      milliseconds: fc.integer({ min: 0, max: 1500 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: of("jump-wall"),
      milliseconds: fc.integer({ min: -3000, max: 1000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: of("reopen") }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: of("crash"), writes, sync, turns, seed: fc.nat() }),
  },
  { weight: 1, arbitrary: fc.record({ type: of("kill"), writes, sync, turns }) },
);
