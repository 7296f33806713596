/** Reads through the value cache, and of many keys at once. */
import { expect, test } from "vitest";
import { Bench, text } from "./bench-store.js";

test("what the cache serves follows overwriting, deleting, expiry and merging", async () => {
  const bench = new Bench();
  const db = await bench.open({ valueCacheBytes: 1024 * 1024 });
  await db.put("a", "1");
  await db.put("b", "1", { ttlMs: 1000 });
  for (let round = 0; round < 2; round++) {
    expect(text(db.getSync("a"))).toBe("1");
    expect(text(await db.get("b"))).toBe("1");
  }
  expect(db.stats().cache).toMatchObject({ hits: 2, misses: 2 });
  const value = db.getSync("a");
  value?.fill(0);
  expect(text(db.getSync("a"))).toBe("1");
  await db.put("a", "2");
  expect(text(db.getSync("a"))).toBe("2");
  await db.merge();
  const { misses } = db.stats().cache;
  expect(text(db.getSync("a"))).toBe("2");
  expect(db.stats().cache.misses).toBe(misses);
  bench.clock.advance(1000);
  expect(db.getSync("b")).toBeUndefined();
  await db.delete("a");
  expect(db.getSync("a")).toBeUndefined();
  await db.close();
});

test("getMany gives values in order, all as of the call, small and large", async () => {
  const db = await new Bench().open({ valueCacheBytes: 4 * 1024 * 1024 });
  const large = Buffer.alloc(100_000, "x");
  await db.batch([
    { type: "put", key: "small", value: "1" },
    { type: "put", key: "large", value: large },
    { type: "put", key: "é", value: "accent" },
  ]);
  for (let round = 0; round < 2; round++) {
    const reading = db.getMany(["large", "none", "small", Buffer.from("é"), "é", "small"]);
    const writing = db.batch([
      { type: "delete", key: "large" },
      { type: "put", key: "small", value: "2" },
    ]);
    const values = await reading;
    expect(values.map((value) => value?.length)).toEqual([100_000, undefined, 1, 6, 6, 1]);
    expect(text(values[2])).toBe("1");
    await writing;
    await db.batch([
      { type: "put", key: "large", value: large },
      { type: "put", key: "small", value: "1" },
    ]);
  }
  expect(await db.getMany([])).toEqual([]);
  await expect(db.getMany(["small", ""])).rejects.toMatchObject({ code: "BITCASK_KEY_EMPTY" });
  await expect(db.getMany(["\ud800"])).rejects.toMatchObject({ code: "BITCASK_INVALID_STRING" });
  await db.close();
  await expect(db.getMany(["small"])).rejects.toMatchObject({ code: "BITCASK_CLOSED" });
});
