import { describe, expect, test } from "vitest";
import { KvStore } from "../src/kv/kv-store.js";
import type { TxnOperation } from "../src/kv/requests.js";
import { RevisionSource } from "../src/kv/revision.js";
import { SMALL_LIMITS } from "./support/kv-limits.js";
import { ManualTimer, MemoryEngine } from "./support/memory-engine.js";

const KS = 1;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString();

async function newStore() {
  const engine = new MemoryEngine();
  const revisions = await RevisionSource.open(1, () => Promise.resolve());
  return {
    engine,
    store: new KvStore({ engine, revisions, timer: new ManualTimer() }, SMALL_LIMITS),
  };
}

const put = (store: KvStore, key: string, value: string, ttlMs = 0) =>
  store.put(KS, { key: bytes(key), value: bytes(value), ttlMs });
const get = (store: KvStore, key: string) => text(store.get(KS, bytes(key))?.value);

describe("single keys", () => {
  test("a put is read back with its revision, which grows with each write", async () => {
    const { store } = await newStore();
    const first = await put(store, "k", "1");
    const second = await put(store, "k", "2");
    expect(second).toBeGreaterThan(first);
    expect(store.get(KS, bytes("k"))).toMatchObject({ revision: second });
    expect(get(store, "k")).toBe("2");
  });

  test("an empty value is a value", async () => {
    const { store } = await newStore();
    await put(store, "k", "");
    expect(store.get(KS, bytes("k"))?.value).toHaveLength(0);
  });

  test("keyspaces do not meet", async () => {
    const { store } = await newStore();
    await put(store, "k", "1");
    expect(store.get(2, bytes("k"))).toBeUndefined();
  });

  test("a delete says whether there was something, unanswered puts included", async () => {
    const { engine, store } = await newStore();
    engine.isImmediate = false;
    const write = put(store, "k", "1");
    const removal = store.delete(KS, bytes("k"));
    const again = store.delete(KS, bytes("k"));
    engine.settle();
    expect((await removal).existed).toBe(true);
    expect((await again).existed).toBe(false);
    expect((await removal).revision).toBeGreaterThan(await write);
    expect(get(store, "k")).toBeUndefined();
  });

  test("a read shows a write only once it is answered", async () => {
    const { engine, store } = await newStore();
    engine.isImmediate = false;
    const write = put(store, "k", "1");
    expect(get(store, "k")).toBeUndefined();
    engine.settle();
    expect(get(store, "k")).toBe("1");
    expect(await write).toBe(store.revision);
  });

  test.each([
    ["KEY_EMPTY", "", "v"],
    ["KEY_TOO_LARGE", "k".repeat(65), "v"],
    ["VALUE_TOO_LARGE", "k", "v".repeat(257)],
  ])("%s is refused before anything is written", async (code, key, value) => {
    const { store } = await newStore();
    await expect(put(store, key, value)).rejects.toMatchObject({ code, outcome: "not-applied" });
    expect(store.revision).toBe(0);
  });
});

describe("compare and set", () => {
  const cas = (store: KvStore, expected: string | undefined, newValue: string) =>
    store.compareAndSet({
      keyspace: KS,
      key: bytes("k"),
      expected:
        expected === undefined
          ? { type: "absent", absent: true }
          : { type: "value", value: bytes(expected) },
      newValue: bytes(newValue),
      ttlMs: 0,
    });

  test("of 256 at once from one state, exactly one is applied", async () => {
    const { engine, store } = await newStore();
    engine.isImmediate = false;
    const calls = Array.from({ length: 256 }, (_, index) => cas(store, undefined, `${index}`));
    engine.settle();
    const results = await Promise.all(calls);
    expect(results.filter(({ applied }) => applied)).toHaveLength(1);
    expect(get(store, "k")).toBe("0");
    expect(results[7]).toMatchObject({ applied: false, current: { value: bytes("0") } });
  });

  test("a chain of 256 on one key, beside puts to other keys, shares one sync", async () => {
    const { engine, store } = await newStore();
    await cas(store, undefined, "0");
    engine.isImmediate = false;
    const groupsBefore = engine.settledGroups;
    const chain = Array.from({ length: 256 }, (_, i) => cas(store, `${i}`, `${i + 1}`));
    const others = Array.from({ length: 256 }, (_, i) => put(store, `other${i}`, "x"));
    engine.settle();
    const results = await Promise.all(chain);
    await Promise.all(others);
    expect(results.every(({ applied }) => applied)).toBe(true);
    expect(get(store, "k")).toBe("256");
    expect(engine.settledGroups - groupsBefore).toBe(1);
  });

  test("a mismatch with an unanswered write is not told before that write is answered", async () => {
    const { engine, store } = await newStore();
    engine.isImmediate = false;
    const write = put(store, "k", "1");
    let answered = false;
    const mismatch = cas(store, "0", "2").finally(() => {
      answered = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    engine.settle();
    await write;
    expect(await mismatch).toMatchObject({ applied: false, current: { value: bytes("1") } });
  });

  test("when the write that a mismatch rests on fails, so does the answer", async () => {
    const { engine, store } = await newStore();
    engine.isImmediate = false;
    const write = put(store, "k", "1");
    const mismatch = cas(store, "0", "2");
    engine.fail(new Error("disk"));
    await expect(write).rejects.toThrow("disk");
    await expect(mismatch).rejects.toThrow("disk");
    engine.isImmediate = true;
    expect(await cas(store, undefined, "3")).toMatchObject({ applied: true });
  });

  test("by revision, by absence, and removing", async () => {
    const { store } = await newStore();
    const revision = await put(store, "k", "1");
    const remove = (expectedRevision: number) =>
      store.compareAndSet({
        ...{ keyspace: KS, key: bytes("k"), newValue: undefined, ttlMs: 0 },
        expected: { type: "revision", revision: expectedRevision },
      });
    expect(await remove(revision + 1)).toMatchObject({ applied: false });
    expect(await remove(revision)).toMatchObject({ applied: true });
    expect(get(store, "k")).toBeUndefined();
    expect(await remove(0)).toMatchObject({ applied: true });
  });

  test("an expired unanswered value counts as absent", async () => {
    const { engine, store } = await newStore();
    engine.isImmediate = false;
    const write = put(store, "k", "1", 10);
    engine.wallMs += 10;
    const call = cas(store, undefined, "2");
    engine.settle();
    await write;
    expect(await call).toMatchObject({ applied: true });
  });
});

describe("counters", () => {
  const add = (store: KvStore, delta: number, ttlMs = 0) =>
    store.increment(KS, { key: bytes("n"), delta, ttlMs });

  test("256 increments at once add up", async () => {
    const { engine, store } = await newStore();
    engine.isImmediate = false;
    const calls = Array.from({ length: 256 }, () => add(store, 2));
    engine.settle();
    const values = (await Promise.all(calls)).map(({ value }) => value);
    expect(new Set(values).size).toBe(256);
    expect(get(store, "n")).toBe("512");
  });

  test("keeps the time to live unless given a new one", async () => {
    const { engine, store } = await newStore();
    await add(store, 1, 1000);
    engine.wallMs += 400;
    await add(store, 1);
    expect(store.get(KS, bytes("n"))?.expiresAtMs).toBe(1_001_000);
    await add(store, 1, 5000);
    expect(store.get(KS, bytes("n"))?.expiresAtMs).toBe(1_005_400);
  });

  test.each(["x", "", "1.5", "01", "-0x1", "9007199254740992", " 1", "1e3"])(
    "refuses the value %j",
    async (value) => {
      const { store } = await newStore();
      await put(store, "n", value);
      await expect(add(store, 1)).rejects.toMatchObject({ code: "NOT_A_COUNTER" });
      expect(get(store, "n")).toBe(value);
    },
  );

  test("refuses to leave the range of safe integers", async () => {
    const { store } = await newStore();
    await put(store, "n", String(Number.MAX_SAFE_INTEGER));
    await expect(add(store, 1)).rejects.toMatchObject({ code: "NOT_A_COUNTER" });
    expect(await add(store, -1)).toMatchObject({ value: Number.MAX_SAFE_INTEGER - 1 });
  });
});

describe("batches and transactions", () => {
  test("a batch applies in order under one revision", async () => {
    const { store } = await newStore();
    await put(store, "gone", "x");
    const revision = await store.batch(KS, [
      { type: "put", key: bytes("a"), value: bytes("1"), ttlMs: 0 },
      { type: "put", key: bytes("a"), value: bytes("2"), ttlMs: 0 },
      { type: "delete", key: bytes("gone") },
    ]);
    expect(store.get(KS, bytes("a"))).toMatchObject({ revision });
    expect([get(store, "a"), get(store, "gone")]).toEqual(["2", undefined]);
  });

  test("limits on operations and bytes are refused with what they are", async () => {
    const { store } = await newStore();
    const operation = { type: "delete", key: bytes("k") } as const;
    await expect(store.batch(KS, Array(11).fill(operation))).rejects.toMatchObject({
      code: "BATCH_TOO_LARGE",
      metadata: { unit: "operations", limit: "10", actual: "11" },
    });
    const large = { type: "put", key: bytes("k"), value: Buffer.alloc(256), ttlMs: 0 } as const;
    await expect(store.batch(KS, Array(4).fill(large))).rejects.toMatchObject({
      code: "BATCH_TOO_LARGE",
      metadata: { unit: "bytes" },
    });
    expect(get(store, "k")).toBeUndefined();
  });

  test("a transaction's reads see its own writes, with its own revision", async () => {
    const { store } = await newStore();
    await put(store, "a", "1");
    const steps: TxnOperation[] = [
      { type: "put", key: bytes("b"), value: bytes("2"), ttlMs: 0 },
      { type: "get", key: bytes("b") },
      { type: "delete", key: bytes("b") },
      { type: "get", key: bytes("b") },
      { type: "delete", key: bytes("a") },
      { type: "delete", key: bytes("a") },
    ];
    const result = await store.txn({
      keyspace: KS,
      compares: [{ type: "value", key: bytes("a"), operator: "equal", value: bytes("1") }],
      then: steps,
      otherwise: [],
    });
    expect(result.succeeded).toBe(true);
    expect(result.results).toMatchObject([
      { type: "put" },
      { type: "get", entry: { value: bytes("2") } },
      { type: "delete", existed: true },
      { type: "get", entry: undefined },
      { type: "delete", existed: true },
      { type: "delete", existed: false },
    ]);
    expect([get(store, "a"), get(store, "b")]).toEqual([undefined, undefined]);
  });

  test("a transaction whose comparison fails runs the other list", async () => {
    const { store } = await newStore();
    const result = await store.txn({
      keyspace: KS,
      compares: [{ type: "exists", key: bytes("a"), operator: "equal", exists: true }],
      then: [{ type: "put", key: bytes("a"), value: bytes("then"), ttlMs: 0 }],
      otherwise: [{ type: "put", key: bytes("a"), value: bytes("otherwise"), ttlMs: 0 }],
    });
    expect(result.succeeded).toBe(false);
    expect(get(store, "a")).toBe("otherwise");
  });

  test.each([
    ["equal", "b", true],
    ["not-equal", "b", false],
    ["less", "c", true],
    ["less", "b", false],
    ["greater", "a", true],
    ["greater", "b", false],
  ] as const)("stored b is %s %s: %s", async (operator, value, expected) => {
    const { store } = await newStore();
    await put(store, "k", "b");
    const compares = [{ type: "value", key: bytes("k"), operator, value: bytes(value) }] as const;
    const result = await store.txn({ keyspace: KS, compares, then: [], otherwise: [] });
    expect(result.succeeded).toBe(expected);
  });

  test("a missing key has revision 0 and no value", async () => {
    const { store } = await newStore();
    const key = bytes("missing");
    const result = await store.txn({
      keyspace: KS,
      compares: [
        { type: "revision", key, operator: "equal", revision: 0 },
        { type: "value", key, operator: "not-equal", value: bytes("") },
      ],
      ...{ then: [], otherwise: [] },
    });
    expect(result.succeeded).toBe(true);
    const equal = { type: "value", key, operator: "equal", value: bytes("") } as const;
    const other = await store.txn({ keyspace: KS, compares: [equal], then: [], otherwise: [] });
    expect(other.succeeded).toBe(false);
  });

  test("answers that would be too large are refused before anything is written", async () => {
    const { store } = await newStore();
    await put(store, "big", "v".repeat(256));
    const read: TxnOperation = { type: "get", key: bytes("big") };
    const write: TxnOperation = { type: "put", key: bytes("w"), value: bytes("1"), ttlMs: 0 };
    const then = [write, read, read, read, read];
    await expect(
      store.txn({ keyspace: KS, compares: [], then, otherwise: [] }),
    ).rejects.toMatchObject({ code: "RESPONSE_TOO_LARGE" });
    expect(get(store, "w")).toBeUndefined();
  });
});
