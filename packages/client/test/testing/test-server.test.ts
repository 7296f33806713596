/** What the server for tests does beyond a node: time, faults, and standing in for one in somebody's program. */
import { createStorage } from "unstorage";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type ClientOptions, TitanClient } from "../../src/index.js";
import { createTestServer, type TestServer } from "../../src/testing/index.js";
import { titanDriver } from "../../src/unstorage/index.js";
import { failureOf } from "../fakes/harness.js";

let server: TestServer;
let client: TitanClient;
const ONCE: ClientOptions = { retry: { maxAttempts: 1 } };

beforeEach(() => {
  server = createTestServer();
  client = server.client();
});
afterEach(() => server.close());

async function keysOf(of: TitanClient = client): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of of.scan({ keysOnly: true })) keys.push(key);
  return keys;
}

describe("a server", () => {
  test("shows all its clients the same, each with the values and keys that it asks for", async () => {
    const json = server.client({ values: "json" });
    const bytes = server.client({ values: "bytes", keys: "bytes" });
    await json.put("k", { a: [1] });
    expect(await client.get("k")).toBe('{"a":[1]}');
    const found: unknown[] = [];
    for await (const { key, value } of bytes.scan()) found.push([key.length, value.length]);
    expect(found).toEqual([[1, 9]]);
  });

  test("shares nothing with another one", async () => {
    await using other = createTestServer();
    await client.put("k", "here");
    expect(await other.client().get("k")).toBeUndefined();
  });

  test("keeps bytes of its own, whatever becomes of those that it was given or gave", async () => {
    const bytes = client.withValues("bytes");
    const given = Uint8Array.of(1);
    await bytes.put("k", given);
    given[0] = 9;
    const got = await bytes.get("k");
    got?.fill(9);
    expect([...((await bytes.get("k")) ?? [])]).toEqual([1]);
  });

  test("is reached by clients that a program makes itself, through its ports", async () => {
    const own = new TitanClient({ endpoints: [server.endpoint] }, server.ports);
    await own.put("k", "1");
    expect(await client.get("k")).toBe("1");
    await own.close();
  });

  test("stands behind the adapters, too", async () => {
    const storage = createStorage({ driver: titanDriver({ client, base: "app" }) });
    await storage.setItem("theme", { dark: true });
    expect(await storage.getItem("theme")).toEqual({ dark: true });
    expect(await keysOf()).toHaveLength(1);
  });

  test("closes its clients when it is closed, and disposed of", async () => {
    await server.close();
    await server.close();
    expect(await failureOf(client.get("k"))).toMatchObject({ code: "CLIENT_CLOSED" });
  });

  test("has the limits that it is told", async () => {
    await using small = createTestServer({ maxValueBytes: 3, shards: 1, maxBatchOperations: 1 });
    const of = small.client();
    expect(await failureOf(of.put("k", "1234"))).toMatchObject({
      ...{ reason: "VALUE_TOO_LARGE", metadata: { limit: "3", actual: "4" } },
    });
    const puts = ["a", "b"].map((key) => ({ type: "put", key, value: "" }) as const);
    expect(await failureOf(of.batch(puts))).toMatchObject({ reason: "BATCH_TOO_LARGE" });
  });

  test("refuses options that it does not have", () => {
    expect(() => createTestServer({ shards: 0 })).toThrow(RangeError);
    expect(() => createTestServer({ nodes: 3 } as object)).toThrow('no option "nodes"');
  });

  test("is empty after a clear, which watches are told of, and its revisions go on", async () => {
    const { revision } = await client.put("k", "1");
    await client.admin.createKeyspace("other");
    await using watch = client.watch();
    await watch.next();
    server.failNext({ times: 100 });
    server.clear();
    expect(await keysOf()).toEqual([]);
    expect((await watch.next()).value).toMatchObject({ type: "delete", key: "k" });
    expect(await client.admin.listKeyspaces()).toHaveLength(1);
    expect((await client.put("k", "1")).revision).toBeGreaterThan(revision);
  });
});

describe("time", () => {
  test("passes when it is told to, and what has expired is gone", async () => {
    await client.put("k", "1", { ttlMs: 60_000 });
    await server.advance(30_000);
    expect(await client.getEntry("k")).toMatchObject({ value: "1" });
    await server.advance(30_000);
    expect(await client.get("k")).toBeUndefined();
    expect(await keysOf()).toEqual([]);
  });

  test("that stands still makes times to live exact", async () => {
    await using still = createTestServer({ clock: "stopped" });
    const of = still.client();
    await of.put("k", "1", { ttlMs: 1_000 });
    await still.advance(1);
    expect(await of.getEntry("k")).toMatchObject({ ttlMs: 999 });
    await still.advance(998);
    expect(await of.get("k")).toBe("1");
    await still.advance(1);
    expect(await of.get("k")).toBeUndefined();
  });

  test("that passes at once is seen step by step: keys expire in order, each told when it is due", async () => {
    await client.put("{x}late", "1", { ttlMs: 2_000 });
    await client.put("{x}early", "1", { ttlMs: 1_000 });
    await using watch = client.watch();
    await watch.next();
    await server.advance(3_600_000);
    const told: unknown[] = [];
    while (told.length < 2) {
      const { value: event } = await watch.next();
      if (event?.type !== "progress") told.push(event);
    }
    expect(told).toMatchObject([
      { type: "expire", key: "{x}early" },
      { type: "expire", key: "{x}late" },
    ]);
  });

  test("renews a lock whose holder lives, and frees one whose holder does not", async () => {
    const lock = await client.lock("l", { ttlMs: 10_000 });
    await server.advance(3_600_000);
    expect(lock.signal.aborted).toBe(false);
    const other = server.client();
    expect(await other.tryLock("l")).toBeUndefined();
    await client.close();
    const waiting = other.lock("l", { timeoutMs: 60_000 });
    await server.advance(15_000);
    expect((await waiting).token).toBeGreaterThan(lock.token);
  });

  test("goes with the fake timers of a test runner", async () => {
    vi.useFakeTimers();
    try {
      await client.put("k", "1", { ttlMs: 60_000 });
      vi.advanceTimersByTime(59_999);
      expect(await client.get("k")).toBe("1");
      vi.advanceTimersByTime(1);
      expect(await client.get("k")).toBeUndefined();
      await client.put("k", "2", { ttlMs: 60_000 });
      await server.advance(60_000);
      expect(await client.get("k")).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  test("may be that of a clock of somebody's own", async () => {
    const time = { nowMs: 5 };
    const clock = { monotonicMs: () => time.nowMs, schedule: () => () => undefined };
    await using own = createTestServer({ clock });
    const of = own.client();
    await of.put("k", "1", { ttlMs: 10 });
    time.nowMs = 15;
    expect(await of.get("k")).toBeUndefined();
  });
});

describe("a failure", () => {
  test.each([
    ["applied", "unknown", "1"],
    ["unknown", "unknown", undefined],
    ["not-applied", "not-applied", undefined],
  ] as const)("that is %s says %s, and leaves %s", async (outcome, told, left) => {
    server.failNext({ method: "put", outcome });
    const failure = await failureOf(server.client(ONCE).put("k", "1"));
    expect(failure).toMatchObject({ code: "CLIENT_UNAVAILABLE", outcome: told });
    expect(await client.get("k")).toBe(left);
  });

  test("is hidden by the client where it hides a real one", async () => {
    server.failNext({ method: "get", times: 2 });
    expect(await client.get("k")).toBeUndefined();
    server.failNext({ method: "put", reason: "NOT_LEADER" });
    await client.put("k", "1");
    server.failNext({ method: "scan" });
    expect(await keysOf()).toEqual(["k"]);
  });

  test("has the code and the outcome that its reason has", async () => {
    server.failNext({ reason: "DISK_FULL", method: "increment" });
    expect(await failureOf(server.client(ONCE).increment("k"))).toMatchObject({
      ...{ code: "CLIENT_RESOURCE_EXHAUSTED", reason: "DISK_FULL", outcome: "not-applied" },
      retryAfterMs: 5_000,
    });
    server.failNext({ reason: "TIMED_OUT", outcome: "applied" });
    const late = await failureOf(client.put("k", "1"));
    expect(late).toMatchObject({ code: "CLIENT_TIMEOUT", outcome: "unknown" });
    expect(await client.get("k")).toBe("1");
  });

  test("comes as often as it is asked for, to the calls that it is for, one after the other", async () => {
    server.failNext({ method: "delete", reason: "NOT_A_COUNTER", times: 2 });
    server.failNext({ method: "delete", reason: "TOO_STALE" });
    await client.put("k", "1");
    const reasons: unknown[] = [];
    for (let call = 0; call < 3; call += 1) {
      reasons.push((await failureOf(client.delete("k"))).reason);
    }
    expect(reasons).toEqual(["NOT_A_COUNTER", "NOT_A_COUNTER", "TOO_STALE"]);
    expect(await client.delete("k")).toBe(true);
  });

  test("may be asked for without end, until a clear", async () => {
    server.failNext({ reason: "NOT_A_COUNTER", times: Number.POSITIVE_INFINITY });
    for (let call = 0; call < 20; call += 1) await failureOf(client.increment("n"));
    server.clear();
    expect(await client.increment("n")).toMatchObject({ value: 1 });
    expect(() => server.failNext({ times: 0 })).toThrow(RangeError);
    expect(() => server.delay(-1)).toThrow(RangeError);
    await expect(async () => server.advance(0.5)).rejects.toThrow(RangeError);
  });

  test("happens to an exactly-once write once, and the write, too", async () => {
    const once = server.client({ exactlyOnce: true });
    server.failNext({ method: "increment", outcome: "applied" });
    server.failNext({ method: "increment", outcome: "unknown" });
    expect(await once.increment("n")).toMatchObject({ value: 1 });
    expect(await client.get("n")).toBe("1");
    // The session is forgotten; the client opens another.
    server.clear();
    expect(await once.increment("n")).toMatchObject({ value: 1 });
  });

  test("of an exactly-once write that the server refused is what comes of it again", async () => {
    await client.put("n", "text");
    const once = server.client({ exactlyOnce: true });
    server.failNext({ method: "increment", outcome: "applied" });
    expect(await failureOf(once.increment("n"))).toMatchObject({ reason: "NOT_A_COUNTER" });
  });
});

describe("a server that is slow or gone", () => {
  test("answers late, and has done what timed out", async () => {
    server.delay(10_000);
    const ended = failureOf(client.put("k", "1", { timeoutMs: 1_000 }));
    await server.advance(1_000);
    expect(await ended).toMatchObject({ code: "CLIENT_TIMEOUT", outcome: "unknown" });
    server.delay(0);
    expect(await client.get("k")).toBe("1");
  });

  test("cannot be reached while it is stopped, and knows everything when it is started again", async () => {
    await client.put("k", "1");
    server.stop();
    server.stop();
    expect(await failureOf(server.client(ONCE).put("k", "2"))).toMatchObject({
      ...{ code: "CLIENT_UNAVAILABLE", outcome: "not-applied" },
    });
    const patient = client.get("k");
    server.start();
    server.start();
    expect(await patient).toBe("1");
  });

  test("cuts off what is under way when it stops", async () => {
    server.delay(10_000);
    const ended = failureOf(client.put("k", "1"));
    await server.advance(0);
    server.stop();
    expect(await ended).toMatchObject({ code: "CLIENT_UNAVAILABLE", outcome: "unknown" });
  });

  test("does not interrupt a watch: it goes on where it was", async () => {
    await using watch = client.watch({ prefix: "{k}" });
    await watch.next();
    const told: string[] = [];
    const reading = (async () => {
      for await (const event of watch) {
        if (event.type === "put" && told.push(event.value) === 3) return;
      }
    })();
    for (const value of ["1", "2", "3"]) {
      await client.put(`{k}${value}`, value);
      server.stop();
      server.start();
    }
    await reading;
    expect(told).toEqual(["1", "2", "3"]);
  });

  test("remembers changes within bounds, beyond which a watch is told to begin anew", async () => {
    await using small = createTestServer({ historyChanges: 3 });
    const of = small.client();
    for (let n = 0; n < 4; n += 1) await of.put("k", String(n));
    const positions = Array.from({ length: 16 }, (_, shard) => ({ shard, revision: 0 }));
    const failure = await failureOf(of.watch({ from: positions }).next());
    expect(failure).toMatchObject({ code: "CLIENT_COMPACTED" });
    const oldest = JSON.parse(failure.metadata["oldest"] ?? "") as typeof positions;
    expect(oldest).toMatchObject([{ revision: 1 }]);
    await using again = of.watch({ from: oldest });
    const told: unknown[] = [];
    while (told.length < 3) {
      const { value: event } = await again.next();
      if (event?.type === "put") told.push(event.value);
    }
    expect(told).toEqual(["1", "2", "3"]);
  });
});
