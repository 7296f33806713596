import { expect, test } from "vitest";
import { Bitcask, restore } from "../../src/index.js";
import { Bench, collect, DIRECTORY, text } from "./bench-store.js";

test("a key is there until its time, then absent for every kind of read", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1", { ttlMs: 100 });
  await db.batch([{ type: "put", key: "b", value: "2", expiresAtMs: bench.clock.wallMs() + 50 }]);
  expect(db.getEntrySync("a")?.expiresAtMs).toBe(bench.clock.wallMs() + 100);
  bench.clock.advance(50);
  expect(db.has("b")).toBe(false);
  expect(text(db.getSync("a"))).toBe("1");
  bench.clock.advance(50);
  expect(db.getSync("a")).toBeUndefined();
  expect(await collect(db.entries())).toEqual([]);
  expect(await db.delete("a")).toBe(false);
  await db.close();
});

test("a put without expiry makes the key stay", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1", { ttlMs: 10 });
  await db.put("a", "2");
  bench.clock.advance(1000);
  expect(text(db.getSync("a"))).toBe("2");
  await db.close();
});

test("what was seen as expired stays so when the clock jumps back, also after a crash", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1", { ttlMs: 100 });
  bench.clock.advance(150);
  expect(db.has("a")).toBe(false);
  bench.clock.jumpWall(-100_000);
  expect(db.has("a")).toBe(false);
  // Whatever is durable after the crash, the expiry seen before it is too.
  await db.put("b", "2");
  bench.cutPower();
  const again = await bench.open();
  expect(again.has("b")).toBe(true);
  expect(again.has("a")).toBe(false);
  await again.close();
});

test("an expiry that was seen is recorded on its own when no write follows", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1", { ttlMs: 100 });
  bench.clock.advance(150);
  expect(db.has("a")).toBe(false);
  bench.clock.advance(1000);
  await db.sync();
  bench.clock.jumpWall(-100_000);
  bench.cutPower();
  const again = await bench.open();
  expect(again.has("a")).toBe(false);
  await again.close();
});

test("a merge drops expired keys, and an older value beneath does not come back", async () => {
  const bench = new Bench();
  const options = { dataFileMaxBytes: 512, autoMerge: false };
  const db = await bench.open(options);
  await db.put("a", "old and for ever");
  for (let index = 0; index < 20; index++) await db.put(`fill-${index}`, "x".repeat(40));
  await db.put("a", "short-lived", { ttlMs: 100 });
  for (let index = 0; index < 20; index++) await db.put(`fill-${index}`, "y".repeat(40));
  bench.clock.advance(200);
  await db.merge();
  expect(db.stats().keys).toBe(20);
  expect(db.has("a")).toBe(false);
  await db.close();
  bench.clock.jumpWall(-100_000);
  const again = await bench.open(options);
  expect(again.has("a")).toBe(false);
  await again.close();
});

test("expiry holds for many keys at once, scans of every kind, and copies of the store, whatever their clock", async () => {
  const bench = new Bench();
  const db = await bench.open({ valueCacheBytes: 100_000 });
  await db.batch([
    { type: "put", key: "a", value: "1", ttlMs: 100 },
    { type: "put", key: "b", value: "2" },
    { type: "put", key: "c", value: "3", ttlMs: 100 },
  ]);
  expect((await db.getMany(["a", "b", "c"])).map(text)).toEqual(["1", "2", "3"]);
  bench.clock.advance(100);
  expect((await db.getMany(["a", "b", "c"])).map(text)).toEqual([undefined, "2", undefined]);
  expect(await db.get("a")).toBeUndefined();
  expect(await db.getEntry("c")).toBeUndefined();
  expect([...db.keysSync({ reverse: true })].map(text)).toEqual(["b"]);
  expect([...db.entriesSync({ limit: 2 })].map(({ key }) => text(key))).toEqual(["b"]);
  expect((await collect(db.values())).map(text)).toEqual(["2"]);
  await db.checkpoint("/data/copy");
  const stream = await collect(db.backup());
  await db.close();
  bench.clock.jumpWall(-100_000);
  const ports = { fileSystem: bench.fileSystem, clock: bench.clock };
  await restore(stream, "/data/restored", { ports });
  for (const directory of [DIRECTORY, "/data/copy", "/data/restored"]) {
    const copy = await Bitcask.open(directory, { ports });
    expect([...copy.keysSync()].map(text), directory).toEqual(["b"]);
    // What is written from here on lives as long as it was told to.
    await copy.put("d", "4", { ttlMs: 1000 });
    expect(copy.has("d")).toBe(true);
    await copy.close();
  }
});
