/** Views of the store as it was. */
import { expect, test } from "vitest";
import { Bench, collect, text } from "./bench-store.js";

test("every read and scan through a snapshot sees one moment, whatever is written and merged", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 4096, valueCacheBytes: 1024 * 1024 });
  const large = Buffer.alloc(100_000, "x");
  await db.put("large", large);
  await db.put("gone", "1");
  await db.put("kept", "1");
  await db.put("expires", "1", { ttlMs: 1000 });
  const snapshot = db.snapshot();
  for (let round = 0; round < 3; round++) {
    await db.put("large", "small by now");
    await db.put("kept", `later ${round}`);
    await db.put("fresh", "1");
    await db.delete("gone");
    await db.merge();
    bench.clock.advance(1000);
    expect(text(db.getSync("kept"))).toBe(`later ${round}`);
    expect(db.has("expires")).toBe(false);

    expect(text(snapshot.getSync("kept"))).toBe("1");
    expect(text(await snapshot.get("gone"))).toBe("1");
    expect(await snapshot.get("large")).toEqual(new Uint8Array(large));
    expect([snapshot.has("expires"), snapshot.has("fresh")]).toEqual([true, false]);
    const many = await snapshot.getMany(["fresh", "large", "kept"]);
    expect(many.map((value) => value?.length)).toEqual([undefined, 100_000, 1]);
    const keys = ["expires", "gone", "kept", "large"];
    expect([...snapshot.keysSync()].map(text)).toEqual(keys);
    expect((await collect(snapshot.keys({ reverse: true }))).map(text)).toEqual(keys.toReversed());
    const entries = [...snapshot.entriesSync({ lt: "large" })].map(({ value }) => text(value));
    expect(entries).toEqual(["1", "1", "1"]);
    expect((await collect(snapshot.values({ limit: 1 }))).map(text)).toEqual(["1"]);
    const [last] = await collect(snapshot.entries({ reverse: true, limit: 1 }));
    expect(last?.value.length).toBe(100_000);
  }
  snapshot.release();
  await db.close();
});

test("files that merges replace stay until the snapshot is released", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  const snapshot = db.snapshot();
  await db.put("a", "2");
  await db.merge();
  const before = bench.names().filter((name) => name.endsWith(".data"));
  snapshot.release();
  snapshot.release();
  await db.merge();
  const after = bench.names().filter((name) => name.endsWith(".data"));
  expect(before.length).toBeGreaterThan(after.length);
  await db.close();
});

test("one that is released, or whose store is closed, says so at every read", async () => {
  const bench = new Bench();
  const db = await bench.open();
  await db.put("a", "1");
  const released = db.snapshot();
  const scan = released.entries();
  const kept = db.snapshot();
  expect(kept.isOpen).toBe(true);
  released.release();
  expect(released.isOpen).toBe(false);
  const gone = { code: "BITCASK_SNAPSHOT_GONE" };
  expect(() => released.getSync("a")).toThrow(expect.objectContaining(gone));
  expect(() => [...released.keysSync()]).toThrow(expect.objectContaining(gone));
  await expect(released.get("a")).rejects.toMatchObject(gone);
  await expect(released.getMany(["a"])).rejects.toMatchObject(gone);
  await expect(scan.next()).rejects.toMatchObject(gone);
  await expect(kept.get("")).rejects.toMatchObject({ code: "BITCASK_KEY_EMPTY" });
  await db.close();
  const closed = { code: "BITCASK_CLOSED" };
  expect(() => kept.getSync("a")).toThrow(expect.objectContaining(closed));
  await expect(kept.getMany(["a"])).rejects.toMatchObject(closed);
  expect(() => db.snapshot()).toThrow(expect.objectContaining(closed));
});
