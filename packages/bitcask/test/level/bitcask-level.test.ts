/** What abstract-level's suite cannot know of: durability, expiry, errors, iterators among writes. */
import { expect, test } from "vitest";
import { Bitcask } from "../../src/index.js";
import { BitcaskLevel } from "../../src/level/index.js";
import { LevelBench, LOCATION } from "./memory-level.js";

/** What a promise is rejected with. */
async function failureOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const outcome = await promise.then(
    () => "no failure",
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Error);
  return outcome as Error & Record<string, unknown>;
}

/** Resolves once all that can go on without the clock has done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("what was written with sync: true is there after a power cut, with sync: false it may not be", async () => {
  const bench = new LevelBench();
  const db = bench.create({ sync: "never" });
  await db.put("kept", "1", { sync: true });
  await db.put("lost", "2");
  bench.cutPower();

  const after = bench.create();
  expect(await after.get("kept")).toBe("1");
  expect(await after.get("lost")).toBeUndefined();
});

test("sync: false spares the fsync of a store that is durable by default, and sync() makes up for it", async () => {
  const bench = new LevelBench();
  const db = bench.create();
  await db.put("a", "1");
  const before = db.stats().writes.syncs;
  await db.put("b", "2", { sync: false });
  await db.batch([{ type: "put", key: "c", value: "3" }], { sync: false });
  await db.del("a", { sync: false });
  expect(db.stats().writes.syncs).toBe(before);
  await db.sync();
  bench.cutPower();

  expect(await bench.create().iterator().all()).toEqual([
    ["b", "2"],
    ["c", "3"],
  ]);
});

test("a key with ttlMs is absent once its time is over, for reads and iterators", async () => {
  const bench = new LevelBench();
  const db = bench.create();
  await db.put("short", "1", { ttlMs: 100 });
  await db.batch(
    [
      { type: "put", key: "batched", value: "2" },
      { type: "put", key: "own", value: "3", ttlMs: 500 },
    ],
    { ttlMs: 100 },
  );
  await db.put("forever", "4");
  bench.clock.advance(100);

  expect(await db.getMany(["short", "batched", "own", "forever"])).toEqual([
    undefined,
    undefined,
    "3",
    "4",
  ]);
  expect(await db.keys().all()).toEqual(["forever", "own"]);
});

test("a store written through Level reads the same through Bitcask, and the other way round", async () => {
  const bench = new LevelBench();
  const db = bench.create();
  await db.put("text", "ü");
  await db.close();

  const ports = { fileSystem: bench.fileSystem, clock: bench.clock };
  const processes = bench.machine.start(1);
  const store = await Bitcask.open(LOCATION, { ports: { ...ports, processes } });
  expect(Buffer.from((await store.get("text")) ?? []).toString()).toBe("ü");
  await store.put("bytes", Uint8Array.of(0xff));
  await store.close();

  const again = bench.create();
  expect(await again.get("bytes", { valueEncoding: "view" })).toEqual(Uint8Array.of(0xff));
});

test("a seek backwards, past the end of a walk that began late, still sees the old view", async () => {
  const db = new LevelBench().create();
  await db.put("b", "1");
  const iterator = db.keys();
  iterator.seek("c");
  expect(await iterator.next()).toBeUndefined();
  await db.put("a", "later");

  iterator.seek("a");
  expect(await iterator.nextv(9)).toEqual(["b"]);
});

test("an iterator made while a write is under way does not show it, not even after a seek", async () => {
  const bench = new LevelBench();
  const db = bench.create();
  await db.put("k", "0");
  const fault = { type: "delay", milliseconds: 50 } as const;
  bench.fileSystem.faults.add({ kind: "sync", path: /\.data$/, times: 2, fault });
  // Large enough for the store not to block for them.
  const large = "x".repeat(512 * 1024);
  const first = db.put("a", large);
  await settled();
  // The first waits for the disk, so the second has to take the next turn.
  const second = db.put("b", large);
  bench.clock.advance(50);
  await first;
  expect(db.getSync("b")).toBeUndefined();
  const iterator = db.keys();
  await settled();
  bench.clock.advance(50);
  await second;
  expect(await db.get("b")).toBe(large);

  expect(await iterator.next()).toBe("a");
  iterator.seek("a");
  expect(await iterator.nextv(9)).toEqual(["a", "k"]);
});

test("a seek target may be changed by its owner before the next read", async () => {
  const db = new LevelBench().create<Uint8Array>({ keyEncoding: "view" });
  await db.put(Uint8Array.of(1), "one");
  await db.put(Uint8Array.of(2), "two");
  const iterator = db.values();
  const target = Uint8Array.of(2);
  iterator.seek(target);
  target[0] = 1;
  expect(await iterator.next()).toBe("two");
});

test("clear removes a range of many batches, up to its limit, from the end it is told", async () => {
  const db = new LevelBench().create({ maxBatchBytes: 1000 });
  const keys = Array.from({ length: 100 }, (_, index) => `key-${String(index).padStart(3, "0")}`);
  await Promise.all(keys.map((key) => db.put(key, "")));
  await db.clear({ gte: "key-010", lt: "key-090", reverse: true, limit: 60 });
  expect(await db.keys().all()).toEqual([...keys.slice(0, 30), ...keys.slice(90)]);
});

test("a second opener gets LEVEL_LOCKED with the holder's name as the cause of the cause", async () => {
  const bench = new LevelBench();
  const db = bench.create();
  await db.open();
  const failure = await failureOf(bench.create().open());
  expect(failure).toMatchObject({
    code: "LEVEL_DATABASE_NOT_OPEN",
    cause: { code: "LEVEL_LOCKED", cause: { code: "BITCASK_LOCKED" } },
  });
});

test("keys and values that cannot be stored are refused by code, and nothing is written", async () => {
  const db = new LevelBench().create({ maxKeyBytes: 4, maxValueBytes: 4, maxBatchBytes: 200 });
  const loneSurrogate = await failureOf(db.put("\ud800", ""));
  expect(loneSurrogate).toMatchObject({ code: "LEVEL_INVALID_KEY", outcome: "not-applied" });
  expect(await failureOf(db.put("12345", ""))).toMatchObject({ code: "LEVEL_INVALID_KEY" });
  expect(await failureOf(db.put("k", "12345"))).toMatchObject({ code: "LEVEL_INVALID_VALUE" });
  const batch = Array.from({ length: 20 }, (_, index) => ({
    type: "put" as const,
    key: String(index),
    value: "",
  }));
  expect(await failureOf(db.batch(batch))).toMatchObject({
    code: "LEVEL_INVALID_VALUE",
    cause: { code: "BITCASK_BATCH_TOO_LARGE" },
  });
  expect(await failureOf(db.get("\ud800"))).toMatchObject({ code: "LEVEL_INVALID_KEY" });
  expect(() => db.getSync("\ud800")).toThrow(
    expect.objectContaining({ code: "LEVEL_INVALID_KEY" }),
  );
  expect(await db.keys().all()).toEqual([]);
});

test("a failed fsync is LEVEL_IO_ERROR of unknown outcome, for the write and for all after it", async () => {
  const bench = new LevelBench();
  const db = bench.create();
  await db.put("a", "1");
  bench.fileSystem.faults.add({ kind: "sync", fault: { type: "error", code: "EIO" } });
  expect(await failureOf(db.put("b", "2"))).toMatchObject({
    code: "LEVEL_IO_ERROR",
    outcome: "unknown",
    cause: { code: "BITCASK_SYNC_FAILED" },
  });
  expect(await failureOf(db.get("a"))).toMatchObject({ code: "LEVEL_IO_ERROR" });
});

test("sync and ttlMs of the wrong kind are the caller's mistake", async () => {
  const db = new LevelBench().create();
  const put = db.put.bind(db) as (key: string, value: string, options: object) => Promise<void>;
  expect(await failureOf(put("a", "1", { sync: "always" }))).toBeInstanceOf(TypeError);
  expect(await failureOf(put("a", "1", { ttlMs: 0 }))).toBeInstanceOf(RangeError);
  expect(await db.get("a")).toBeUndefined();
});

test("a nonsensical location or option is refused", async () => {
  expect(() => new BitcaskLevel("")).toThrow(TypeError);
  const bench = new LevelBench();
  expect(await failureOf(bench.create({ maxKeyBytes: 0 }).open())).toMatchObject({
    cause: expect.any(RangeError) as unknown,
  });
});

test("an explicit snapshot serves every kind of read, from a sublevel too, until it is closed", async () => {
  const db = new LevelBench().create();
  const part = db.sublevel("part");
  await db.batch([
    { type: "put", key: "a", value: "1" },
    { type: "put", key: "b", value: "1" },
    { type: "put", key: "in", value: "1", sublevel: part },
  ]);
  const snapshot = db.snapshot();
  await db.put("a", "2");
  await db.del("b");
  await db.put("c", "2");
  await part.put("in", "2");
  await db.merge();
  expect(await db.get("a", { snapshot })).toBe("1");
  expect(db.getSync("b", { snapshot })).toBe("1");
  expect(await db.getMany(["a", "b", "c"], { snapshot })).toEqual(["1", "1", undefined]);
  expect(await db.has("c", { snapshot })).toBe(false);
  expect(await db.hasMany(["b", "c"], { snapshot })).toEqual([true, false]);
  expect(await part.get("in", { snapshot })).toBe("1");
  const iterator = db.iterator({ gte: "a", snapshot });
  expect(await iterator.next()).toEqual(["a", "1"]);
  iterator.seek("b");
  expect(await iterator.next()).toEqual(["b", "1"]);
  iterator.seek("a");
  expect(await iterator.all()).toEqual([
    ["a", "1"],
    ["b", "1"],
  ]);
  await snapshot.close();
  expect(await failureOf(db.get("a", { snapshot }))).toMatchObject({
    code: "LEVEL_SNAPSHOT_NOT_OPEN",
  });
  expect(await db.get("a")).toBe("2");
  await db.close();
});

test("sync, merge and stats are there; those that can wait for the opening do", async () => {
  const bench = new LevelBench();
  const db = bench.create();
  expect(db.status).toBe("opening");
  expect(() => db.stats()).toThrow(expect.objectContaining({ code: "LEVEL_DATABASE_NOT_OPEN" }));
  await Promise.all([db.sync(), db.merge()]);
  await db.put("a", "1");
  await db.put("a", "2");
  expect(db.stats()).toMatchObject({ keys: 1 });
  expect(db.location).toBe(LOCATION);
  await db.close();
  expect(await failureOf(db.sync())).toMatchObject({ code: "LEVEL_DATABASE_NOT_OPEN" });
});

test("closing with iterators open releases the directory and leaves no file open", async () => {
  const bench = new LevelBench();
  const db = bench.create();
  await db.batch([
    { type: "put", key: "a", value: "1" },
    { type: "put", key: "b", value: "2" },
  ]);
  const iterator = db.iterator();
  await iterator.next();
  await db.put("c", "3");
  await db.close();
  expect(await failureOf(iterator.next())).toMatchObject({ code: "LEVEL_ITERATOR_NOT_OPEN" });
  expect(bench.fileSystem.openHandleCount).toBe(0);
  const again = bench.create();
  expect(await again.get("c")).toBe("3");
});
