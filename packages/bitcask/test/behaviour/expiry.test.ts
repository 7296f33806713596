import { expect, test } from "vitest";
import { Bench, collect, text } from "./bench-store.js";

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
