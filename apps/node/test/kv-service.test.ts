import { ChangeKind, Consistency } from "@titan/proto";
import { expect, test } from "vitest";
import { collect, failureOf } from "./support/rich-error.js";
import { bytes, withNode } from "./support/test-node.js";

test("puts and gets keys and values of any bytes", () =>
  withNode(async ({ kv }) => {
    const key = Uint8Array.from({ length: 256 }, (_, index) => index);
    const { revision } = await kv.put({ key, value: key });
    expect(revision).toBeGreaterThan(0);
    const found = await kv.get({ key });
    expect(found).toMatchObject({ found: true, revision, shardRevision: revision });
    expect(Buffer.compare(found.value, key)).toBe(0);
    expect(await kv.get({ key: bytes("missing") })).toMatchObject({ found: false });
  }));

test("an empty value is a value; the largest key and value are taken", () =>
  withNode(async ({ kv }) => {
    await kv.put({ key: bytes("empty") });
    expect(await kv.get({ key: bytes("empty") })).toMatchObject({ found: true });
    const key = Buffer.alloc(65_535, "k");
    const value = Buffer.alloc(1_048_576, "v");
    await kv.put({ key, value });
    expect((await kv.get({ key })).value).toHaveLength(value.length);
  }));

test("delete, batch, compare-and-set, increment and transaction", () =>
  withNode(async ({ kv }) => {
    const key = bytes("k");
    await kv.put({ key, value: bytes("1") });
    expect(await kv.delete({ key })).toMatchObject({ existed: true });
    expect(await kv.delete({ key })).toMatchObject({ existed: false });
    await kv.batch({
      operations: [
        { operation: { $case: "put", value: { key, value: bytes("2") } } },
        { operation: { $case: "delete", value: { key: bytes("{k}other") } } },
      ],
    });
    const mismatch = await kv.compareAndSet({
      key,
      expected: { $case: "value", value: bytes("1") },
      update: { $case: "newValue", value: bytes("3") },
    });
    expect(mismatch).toMatchObject({ applied: false, current: { revision: expect.any(Number) } });
    expect(Buffer.from(mismatch.current?.value ?? []).toString()).toBe("2");
    const match = await kv.compareAndSet({
      key,
      expected: { $case: "value", value: bytes("2") },
      update: { $case: "newValue", value: bytes("3") },
    });
    expect(match.applied).toBe(true);
    expect(await kv.increment({ key, delta: 39 })).toMatchObject({ value: 42 });
    expect(await kv.increment({ key, delta: -50 })).toMatchObject({ value: -8 });
    const txn = await kv.txn({
      compares: [{ key, target: { $case: "value", value: bytes("-8") } }],
      then: [
        { operation: { $case: "put", value: { key, value: bytes("own") } } },
        { operation: { $case: "get", value: { key } } },
      ],
    });
    expect(txn).toMatchObject({
      succeeded: true,
      results: [
        { result: { $case: "put", value: { revision: txn.revision } } },
        { result: { $case: "get", value: { found: true, revision: txn.revision } } },
      ],
    });
  }));

test("a time to live is told and kept", () =>
  withNode(async ({ kv }) => {
    const key = bytes("k");
    await kv.put({ key, value: bytes("v"), ttlMs: 60_000 });
    const { ttlMs } = await kv.get({ key });
    expect(ttlMs).toBeGreaterThan(50_000);
    expect(ttlMs).toBeLessThanOrEqual(60_000);
    await kv.put({ key, value: bytes("v") });
    expect((await kv.get({ key })).ttlMs).toBeUndefined();
    await kv.put({ key, value: bytes("v"), ttlMs: 1 });
    await expect.poll(async () => (await kv.get({ key })).found).toBe(false);
  }));

test("scans page by page in byte order, forward and back", () =>
  withNode(async ({ kv }) => {
    const keys = Array.from({ length: 250 }, (_, i) => `k${String(i).padStart(3, "0")}`);
    await Promise.all(keys.map((key) => kv.put({ key: bytes(key), value: bytes(key) })));
    const range = { prefix: bytes("k") };
    const pages = await collect(kv.scan({ range, pageSize: 100 }));
    expect(pages.map(({ entries }) => entries.length)).toEqual([100, 100, 50]);
    expect(pages.map(({ cursor }) => cursor.length > 0)).toEqual([true, true, false]);
    const found = pages.flatMap(({ entries }) => entries);
    expect(found.map(({ key }) => Buffer.from(key).toString())).toEqual(keys);
    const back = await collect(kv.scan({ range, reverse: true, limit: 2, keysOnly: true }));
    expect(back[0]?.entries).toMatchObject([
      { key: bytes("k249"), value: new Uint8Array(0) },
      { key: bytes("k248"), value: new Uint8Array(0) },
    ]);
  }));

const put = (key: Uint8Array, value = bytes("v")) => ({
  operation: { $case: "put" as const, value: { key, value } },
});

test("what is wrong with a request is told with a stable reason and that nothing was written", () =>
  withNode(async ({ kv }) => {
    const key = bytes("k");
    const expected = { $case: "absent", value: true } as const;
    const writes = [
      ["KEY_EMPTY", () => kv.put({ key: bytes("") })],
      ["KEY_TOO_LARGE", () => kv.put({ key: Buffer.alloc(65_536) })],
      ["VALUE_TOO_LARGE", () => kv.put({ key, value: Buffer.alloc(1_048_577) })],
      ["KEY_EMPTY", () => kv.delete({})],
      ["KEY_EMPTY", () => kv.batch({ operations: [put(key), put(bytes(""))] })],
      ["BATCH_TOO_LARGE", () => kv.batch({ operations: Array(10_001).fill(put(key)) })],
      [
        "BATCH_TOO_LARGE",
        () => kv.batch({ operations: Array(3).fill(put(key, Buffer.alloc(900_000))) }),
      ],
      ["FIELD_INVALID", () => kv.batch({ operations: [{}] })],
      ["FIELD_INVALID", () => kv.compareAndSet({ key, expected })],
      ["FIELD_INVALID", () => kv.compareAndSet({ key, update: { $case: "remove", value: true } })],
      [
        "FIELD_INVALID",
        () => kv.compareAndSet({ key, expected, update: { $case: "remove", value: false } }),
      ],
      ["FIELD_INVALID", () => kv.put({ key, ttlMs: Number.MAX_SAFE_INTEGER })],
      ["FIELD_INVALID", () => kv.txn({ compares: [{ key }] })],
      ["FIELD_INVALID", () => kv.txn({ then: [{}] })],
    ] as const;
    for (const [reason, call] of writes) {
      expect(await failureOf(call())).toMatchObject({
        ...{ status: "INVALID_ARGUMENT", reason, domain: "titan.v1" },
        metadata: { outcome: "not-applied" },
        retryMs: undefined,
      });
    }
    expect(await kv.get({ key })).toMatchObject({ found: false });
  }));

test("limits are told as numbers", () =>
  withNode(async ({ kv }) => {
    const failure = await failureOf(kv.get({ key: Buffer.alloc(65_536) }));
    expect(failure.metadata).toEqual({ limit: "65535", actual: "65536" });
  }));

test("an unknown keyspace is NOT_FOUND, in every call", () =>
  withNode(async ({ kv }) => {
    const key = bytes("k");
    const keyspace = "nowhere";
    const calls = [
      () => kv.get({ key, keyspace }),
      () => kv.put({ key, keyspace }),
      () => kv.delete({ key, keyspace }),
      () => kv.batch({ operations: [put(key)], keyspace }),
      () => kv.increment({ key, keyspace }),
      () => kv.txn({ keyspace }),
      () => collect(kv.scan({ keyspace })),
    ];
    for (const call of calls) {
      expect(await failureOf(call())).toMatchObject({
        ...{ status: "NOT_FOUND", reason: "KEYSPACE_UNKNOWN" },
        metadata: { keyspace: "nowhere" },
      });
    }
    await kv.put({ key, keyspace: "default" });
    expect(await kv.get({ key })).toMatchObject({ found: true });
  }));

test("a batch over several shards is refused, unless its parts may be applied apart", () =>
  withNode(async ({ kv }) => {
    const operations = Array.from({ length: 20 }, (_, at) => put(bytes(`k${at}`)));
    const refused = await failureOf(kv.batch({ operations }));
    expect(refused).toMatchObject({
      ...{ status: "FAILED_PRECONDITION", reason: "CROSS_SHARD" },
      metadata: { outcome: "not-applied", shards: "0, 1, 2, 3" },
    });
    expect(refused.message).toContain("{hash tag}");
    expect(await kv.get({ key: bytes("k0") })).toMatchObject({ found: false });
    const { revisions } = await kv.batch({ operations, allowNonAtomic: true });
    expect(revisions.map(({ shard }) => shard)).toEqual([0, 1, 2, 3]);
    expect(await kv.get({ key: bytes("k0") })).toMatchObject({ found: true });
    const compares = [
      { key: bytes("k0"), target: { $case: "exists" as const, value: true } },
      { key: bytes("k1"), target: { $case: "exists" as const, value: true } },
      { key: bytes("k2"), target: { $case: "exists" as const, value: true } },
    ];
    expect(await failureOf(kv.txn({ compares }))).toMatchObject({ reason: "CROSS_SHARD" });
  }));

test("in a session a repeated write is applied once; outside of it, or behind its end, it is refused", () =>
  withNode(async ({ kv }) => {
    const key = bytes("n");
    const { sessionId, idleTimeoutMs } = await kv.openSession({});
    expect([sessionId.length, idleTimeoutMs]).toEqual([16, 60_000]);
    const write = (sequence: number, acknowledgedBelow = 0) =>
      kv.increment({ key, delta: 1, writeId: { sessionId, sequence, acknowledgedBelow } });
    const first = await write(1);
    expect(await write(1)).toEqual(first);
    expect(await write(2, 2)).toMatchObject({ value: 2 });
    expect(await failureOf(write(1))).toMatchObject({
      ...{ status: "FAILED_PRECONDITION", reason: "ALREADY_ANSWERED" },
    });
    await kv.closeSession({ sessionId });
    expect(await failureOf(write(3))).toMatchObject({
      ...{ status: "FAILED_PRECONDITION", reason: "SESSION_EXPIRED" },
    });
    expect(Buffer.from((await kv.get({ key })).value).toString()).toBe("2");
  }));

test("a write id that cannot be one is refused", () =>
  withNode(async ({ kv }) => {
    const sessionId = bytes("s");
    const ids = {
      "write_id.session_id": [{ sequence: 1 }, { sequence: 1, sessionId: Buffer.alloc(33) }],
      "write_id.sequence": [{ sessionId }],
      "write_id.acknowledged_below": [{ sessionId, sequence: 1, acknowledgedBelow: 2 }],
    };
    for (const [field, writeIds] of Object.entries(ids)) {
      for (const writeId of writeIds) {
        expect(await failureOf(kv.put({ key: bytes("k"), writeId }))).toMatchObject({
          ...{ reason: "FIELD_INVALID", metadata: { field, outcome: "not-applied" } },
        });
      }
    }
    expect(await failureOf(kv.closeSession({}))).toMatchObject({ reason: "FIELD_INVALID" });
    expect(await failureOf(kv.openSession({ idleTimeoutMs: 1e12 }))).toMatchObject({
      reason: "FIELD_INVALID",
    });
  }));

test("a watch tells changes of its range as they come, and goes on where it was left", () =>
  withNode(async ({ kv }) => {
    const range = { prefix: bytes("w") };
    const first = kv.watch({ range })[Symbol.asyncIterator]();
    const begun = await first.next();
    expect(begun.value?.progress.map(({ shard }: { shard: number }) => shard)).toEqual([
      0, 1, 2, 3,
    ]);
    await kv.put({ key: bytes("other"), value: bytes("-") });
    const { revision, shard } = await kv.put({ key: bytes("w1"), value: bytes("1") });
    const seen = await first.next();
    expect(seen.value).toMatchObject({
      changes: [{ kind: ChangeKind.PUT, shard, entry: { revision } }],
      progress: [{ shard, revision: expect.any(Number) }],
    });
    await first.return?.();
    await kv.delete({ key: bytes("w1") });
    const from = begun.value?.progress.map((one: { shard: number; revision: number }) =>
      one.shard === shard ? { shard, revision: seen.value?.progress[0]?.revision ?? 0 } : one,
    );
    for await (const { changes } of kv.watch({ range, from, keysOnly: true })) {
      if (changes.length === 0) continue;
      expect(changes).toMatchObject([{ kind: ChangeKind.DELETE, shard }]);
      break;
    }
  }));

test("a read may ask for a revision that it must include", () =>
  withNode(async ({ kv }) => {
    const key = bytes("k");
    const { revision, shard } = await kv.put({ key });
    const read = (number: number, wanted: number) =>
      kv.get({ key, read: { atLeast: [{ shard: number, revision: wanted }] } });
    expect(await read(shard, revision)).toMatchObject({ found: true });
    expect(await failureOf(read(shard, revision + 1_000))).toMatchObject({
      ...{ status: "FAILED_PRECONDITION", reason: "TOO_STALE" },
    });
    expect(await failureOf(read(7, 1))).toMatchObject({ reason: "FIELD_INVALID" });
    const unknown = { consistency: 9 as Consistency };
    expect(await failureOf(kv.get({ key, read: unknown }))).toMatchObject({
      reason: "FIELD_INVALID",
    });
    expect(await kv.get({ key, read: { consistency: Consistency.STALE } })).toMatchObject({
      found: true,
    });
  }));

test("not a counter, and an answer too large, are told apart from bad arguments", () =>
  withNode(
    async ({ kv }) => {
      const key = bytes("k");
      await kv.put({ key, value: Buffer.alloc(1000, "x") });
      expect(await failureOf(kv.increment({ key, delta: 1 }))).toMatchObject({
        ...{ status: "FAILED_PRECONDITION", reason: "NOT_A_COUNTER" },
        metadata: { outcome: "not-applied" },
      });
      const get = { operation: { $case: "get" as const, value: { key } } };
      expect(await failureOf(kv.txn({ then: [get, get] }))).toMatchObject({
        ...{ status: "RESOURCE_EXHAUSTED", reason: "RESPONSE_TOO_LARGE" },
        metadata: { outcome: "not-applied" },
      });
    },
    { maxResponseBytes: "1KiB" },
  ));

test("status tells who the node is, what it bounds and how full its store is", () =>
  withNode(
    async ({ kv, cluster, node }) => {
      await kv.put({ key: bytes("k") });
      const status = await cluster.getStatus({});
      expect(status).toMatchObject({
        nodeId: "n1",
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        requestsInFlight: 0,
        limits: { keyBytes: 100, valueBytes: 1_048_576, concurrentRequests: 4096 },
      });
      expect(status.store?.keys).toBe(1);
      expect(status.store?.diskFreeBytes).toBeGreaterThan(0);
      expect((await node.status()).nodeId).toBe("n1");
    },
    { nodeId: "n1", maxKeyBytes: 100 },
  ));

test("256 increments of one key at once add up, while other keys are written", () =>
  withNode(async ({ kv }) => {
    const key = bytes("n");
    const one = () => kv.increment({ key, delta: 1 });
    const other = (i: number) => kv.put({ key: bytes(`o${i}`), value: bytes("x") });
    await Promise.all(Array.from({ length: 256 }, (_, i) => Promise.all([one(), other(i)])));
    expect(Buffer.from((await kv.get({ key })).value).toString()).toBe("256");
  }));
