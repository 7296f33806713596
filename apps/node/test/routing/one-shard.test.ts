/** What requests on keys mean, from the router down to the store, in one shard. */
import { describe, expect, test } from "vitest";
import type { TxnOperation } from "../../src/kv/requests.js";
import { bytes, type RoutedShard, withRoutedShard } from "../support/routed-shard.js";

describe("single keys", () => {
  test("a put is read back with its revision, which grows with each write", () =>
    withRoutedShard(async (store) => {
      const first = await store.settled(store.put("k", "1"));
      const second = await store.settled(store.put("k", "2"));
      expect(second.revision).toBeGreaterThan(first.revision);
      expect(await store.entry("k")).toMatchObject({ revision: second.revision });
      expect(await store.get("k")).toBe("2");
    }));

  test("an empty value is a value", () =>
    withRoutedShard(async (store) => {
      await store.settled(store.put("k", ""));
      expect((await store.entry("k"))?.value).toHaveLength(0);
    }));

  test("keyspaces do not meet", () =>
    withRoutedShard(async (store) => {
      await store.settled(store.put("k", "1"));
      expect(await store.entry("k", "short")).toBeUndefined();
    }));

  test("a delete says whether there was something, unanswered puts included", () =>
    withRoutedShard(async (store) => {
      const write = store.put("k", "1");
      const removal = store.delete("k");
      const again = store.delete("k");
      expect((await store.settled(removal)).existed).toBe(true);
      expect((await store.settled(again)).existed).toBe(false);
      expect((await removal).revision).toBeGreaterThan((await write).revision);
      expect(await store.get("k")).toBeUndefined();
    }));

  test.each([
    ["KEY_EMPTY", "", "v"],
    ["KEY_TOO_LARGE", "k".repeat(65), "v"],
    ["VALUE_TOO_LARGE", "k", "v".repeat(257)],
  ])("%s is refused before anything is written", (code, key, value) =>
    withRoutedShard(async (store) => {
      const { commitIndex } = (await store.world.leader()).status();
      await expect(store.put(key, value)).rejects.toMatchObject({ code, outcome: "not-applied" });
      expect((await store.world.leader()).status().commitIndex).toBe(commitIndex);
    }),
  );
});

describe("compare and set", () => {
  test("of 256 at once from one state, exactly one is applied", () =>
    withRoutedShard(async (store) => {
      const calls = Array.from({ length: 256 }, (_, index) => store.swap(undefined, `${index}`));
      const results = await store.settled(Promise.all(calls));
      expect(results.filter(({ applied }) => applied)).toHaveLength(1);
      expect(await store.get("k")).toBe("0");
      expect(results[7]).toMatchObject({ applied: false, current: { value: bytes("0") } });
    }));

  test("a chain of 256 on one key, beside puts to other keys, shares a few writes of the log", async () => {
    let writes = 0;
    const observer = { onWrite: () => (writes += 1) };
    await withRoutedShard(
      async (store) => {
        await store.settled(store.swap(undefined, "0"));
        const before = writes;
        const chain = Array.from({ length: 256 }, (_, i) => store.swap(`${i}`, `${i + 1}`));
        const others = Array.from({ length: 256 }, (_, i) => store.put(`other${i}`, "x"));
        const results = await store.settled(Promise.all(chain));
        await store.settled(Promise.all(others));
        expect(results.every(({ applied }) => applied)).toBe(true);
        expect(await store.get("k")).toBe("256");
        expect(writes - before).toBeGreaterThan(0);
        expect(writes - before).toBeLessThanOrEqual(3);
      },
      undefined,
      { host: { observer } },
    );
  });

  test("what rests on a write that is not committed is not told, be it a refusal", () =>
    withRoutedShard(
      async (store) => {
        await store.settled(store.put("k", "0"));
        const { leader } = await store.world.leader();
        store.world.isolate(leader ?? 0);
        const answers: string[] = [];
        const note = (name: string) => () => answers.push(name);
        const write = store.put("k", "1");
        const mismatch = store.swap("9", "2");
        write.then(note("write"), note("failed write"));
        mismatch.then(note("mismatch"), note("failed mismatch"));
        await store.world.run(100);
        expect(answers).toEqual([]);
        const outcomes = await store.settled(Promise.allSettled([write, mismatch]));
        expect(outcomes).toMatchObject([
          { status: "rejected", reason: { outcome: "unknown" } },
          { status: "rejected", reason: { outcome: "unknown" } },
        ]);
        store.world.heal();
      },
      undefined,
      { members: 3 },
    ));

  test("by revision, by absence, and removing", () =>
    withRoutedShard(async (store) => {
      const { revision } = await store.settled(store.put("k", "1"));
      const remove = (expectedRevision: number) =>
        store.settled(
          store.router.compareAndSet(
            {
              ...{ key: bytes("k"), newValue: undefined, ttlMs: 0 },
              expected: { type: "revision", revision: expectedRevision },
            },
            store.call,
          ),
        );
      expect(await remove(revision + 1)).toMatchObject({ applied: false });
      expect(await remove(revision)).toMatchObject({ applied: true });
      expect(await store.get("k")).toBeUndefined();
      expect(await remove(0)).toMatchObject({ applied: true });
    }));

  test("an expired value counts as absent", () =>
    withRoutedShard(async (store) => {
      await store.settled(store.put("k", "1", 10));
      store.world.clock.advance(10);
      expect(await store.settled(store.swap(undefined, "2"))).toMatchObject({ applied: true });
    }));
});

describe("counters", () => {
  test("256 increments at once add up", () =>
    withRoutedShard(async (store) => {
      const calls = Array.from({ length: 256 }, () => store.add(2));
      const values = (await store.settled(Promise.all(calls))).map(({ value }) => value);
      expect(new Set(values).size).toBe(256);
      expect(await store.get("n")).toBe("512");
    }));

  test("keeps the time to live unless given a new one", () =>
    withRoutedShard(async (store) => {
      await store.settled(store.add(1, 60_000));
      const expiresAtMs = (await store.entry("n"))?.expiresAtMs;
      expect(expiresAtMs).toBeGreaterThan(0);
      store.world.clock.advance(400);
      await store.settled(store.add(1));
      expect((await store.entry("n"))?.expiresAtMs).toBe(expiresAtMs);
      await store.settled(store.add(1, 60_000));
      expect((await store.entry("n"))?.expiresAtMs).toBeGreaterThanOrEqual(
        (expiresAtMs ?? 0) + 400,
      );
    }));

  test.each(["x", "", "1.5", "01", "-0x1", "9007199254740992", " 1", "1e3"])(
    "refuses the value %j",
    (value) =>
      withRoutedShard(async (store) => {
        await store.settled(store.put("n", value));
        await expect(store.settled(store.add(1))).rejects.toMatchObject({ code: "NOT_A_COUNTER" });
        expect(await store.get("n")).toBe(value);
      }),
  );

  test("refuses to leave the range of safe integers", () =>
    withRoutedShard(async (store) => {
      await store.settled(store.put("n", String(Number.MAX_SAFE_INTEGER)));
      await expect(store.settled(store.add(1))).rejects.toMatchObject({ code: "NOT_A_COUNTER" });
      const { value } = await store.settled(store.add(-1));
      expect(value).toBe(Number.MAX_SAFE_INTEGER - 1);
    }));
});

describe("batches and transactions", () => {
  const batch = (store: RoutedShard, operations: Parameters<typeof store.router.batch>[0]) =>
    store.router.batch(operations, false, store.call);
  const txn = (store: RoutedShard, request: Partial<Parameters<typeof store.router.txn>[0]>) =>
    store.settled(
      store.router.txn({ compares: [], then: [], otherwise: [], ...request }, store.call),
    );

  test("a batch applies in order under one revision", () =>
    withRoutedShard(async (store) => {
      await store.settled(store.put("gone", "x"));
      const [position] = await store.settled(
        batch(store, [
          { type: "put", key: bytes("a"), value: bytes("1"), ttlMs: 0 },
          { type: "put", key: bytes("a"), value: bytes("2"), ttlMs: 0 },
          { type: "delete", key: bytes("gone") },
        ]),
      );
      expect(await store.entry("a")).toMatchObject({ revision: position?.revision });
      expect([await store.get("a"), await store.get("gone")]).toEqual(["2", undefined]);
    }));

  test("limits on operations and bytes are refused with what they are", () =>
    withRoutedShard(async (store) => {
      const operation = { type: "delete", key: bytes("k") } as const;
      await expect(batch(store, Array(11).fill(operation))).rejects.toMatchObject({
        code: "BATCH_TOO_LARGE",
        metadata: { unit: "operations", limit: "10", actual: "11" },
      });
      const large = { type: "put", key: bytes("k"), value: Buffer.alloc(256), ttlMs: 0 } as const;
      await expect(batch(store, Array(4).fill(large))).rejects.toMatchObject({
        code: "BATCH_TOO_LARGE",
        metadata: { unit: "bytes" },
      });
      const compares = Array.from({ length: 11 }, () => ({
        ...{ type: "exists" as const, key: bytes("k"), operator: "equal" as const, exists: true },
      }));
      await expect(txn(store, { compares })).rejects.toMatchObject({ code: "BATCH_TOO_LARGE" });
      expect(await store.get("k")).toBeUndefined();
    }));

  test("a transaction's reads see its own writes, with its own revision", () =>
    withRoutedShard(async (store) => {
      await store.settled(store.put("a", "1"));
      const result = await txn(store, {
        compares: [{ type: "value", key: bytes("a"), operator: "equal", value: bytes("1") }],
        then: [
          { type: "put", key: bytes("b"), value: bytes("2"), ttlMs: 0 },
          { type: "get", key: bytes("b") },
          { type: "delete", key: bytes("b") },
          { type: "get", key: bytes("b") },
          { type: "delete", key: bytes("a") },
          { type: "delete", key: bytes("a") },
        ],
      });
      expect(result.succeeded).toBe(true);
      expect(result.results).toMatchObject([
        { type: "put" },
        { type: "get", entry: { value: bytes("2"), revision: result.revision } },
        { type: "delete", existed: true },
        { type: "get", entry: undefined },
        { type: "delete", existed: true },
        { type: "delete", existed: false },
      ]);
      expect([await store.get("a"), await store.get("b")]).toEqual([undefined, undefined]);
    }));

  test("a transaction whose comparison fails runs the other list", () =>
    withRoutedShard(async (store) => {
      const result = await txn(store, {
        compares: [{ type: "exists", key: bytes("a"), operator: "equal", exists: true }],
        then: [{ type: "put", key: bytes("a"), value: bytes("then"), ttlMs: 0 }],
        otherwise: [{ type: "put", key: bytes("a"), value: bytes("otherwise"), ttlMs: 0 }],
      });
      expect(result.succeeded).toBe(false);
      expect(await store.get("a")).toBe("otherwise");
    }));

  test.each([
    ["equal", "b", true],
    ["not-equal", "b", false],
    ["less", "c", true],
    ["less", "b", false],
    ["greater", "a", true],
    ["greater", "b", false],
  ] as const)("stored b is %s %s: %s", (operator, value, expected) =>
    withRoutedShard(async (store) => {
      await store.settled(store.put("k", "b"));
      const compares = [{ type: "value", key: bytes("k"), operator, value: bytes(value) }] as const;
      expect((await txn(store, { compares })).succeeded).toBe(expected);
    }),
  );

  test("a missing key has revision 0 and no value", () =>
    withRoutedShard(async (store) => {
      const key = bytes("missing");
      const result = await txn(store, {
        compares: [
          { type: "revision", key, operator: "equal", revision: 0 },
          { type: "value", key, operator: "not-equal", value: bytes("") },
        ],
      });
      expect(result.succeeded).toBe(true);
      const equal = { type: "value", key, operator: "equal", value: bytes("") } as const;
      expect((await txn(store, { compares: [equal] })).succeeded).toBe(false);
    }));

  test("answers that would be too large are refused before anything is written", () =>
    withRoutedShard(async (store) => {
      await store.settled(store.put("big", "v".repeat(256)));
      const read: TxnOperation = { type: "get", key: bytes("big") };
      const write: TxnOperation = { type: "put", key: bytes("w"), value: bytes("1"), ttlMs: 0 };
      await expect(txn(store, { then: [write, read, read, read, read] })).rejects.toMatchObject({
        ...{ code: "RESPONSE_TOO_LARGE", outcome: "not-applied" },
      });
      expect(await store.get("w")).toBeUndefined();
    }));
});
