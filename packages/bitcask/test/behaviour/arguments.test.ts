import { expect, test } from "vitest";
import { Bitcask, isBitcaskError } from "../../src/index.js";
import { Bench } from "./bench-store.js";

async function withStore(work: (db: Bitcask) => Promise<void>, options = {}): Promise<void> {
  const db = await new Bench().open(options);
  try {
    await work(db);
  } finally {
    await db.close();
  }
}

test("bad keys and values are refused with a code each, and nothing is written", async () => {
  await withStore(
    async (db) => {
      const refused = (code: string) => ({ code, outcome: "not-applied" });
      await expect(db.put("", "v")).rejects.toMatchObject(refused("BITCASK_KEY_EMPTY"));
      await expect(db.delete(new Uint8Array())).rejects.toMatchObject(refused("BITCASK_KEY_EMPTY"));
      const long = new Uint8Array(65_536);
      await expect(db.put(long, "v")).rejects.toMatchObject(refused("BITCASK_KEY_TOO_LARGE"));
      await expect(db.get(long)).rejects.toMatchObject(refused("BITCASK_KEY_TOO_LARGE"));
      await expect(db.put("\ud800", "v")).rejects.toMatchObject(refused("BITCASK_INVALID_STRING"));
      await expect(db.put("k", "\udc00")).rejects.toMatchObject(refused("BITCASK_INVALID_STRING"));
      const big = new Uint8Array(1001);
      await expect(db.put("k", big)).rejects.toMatchObject(refused("BITCASK_VALUE_TOO_LARGE"));
      await expect(
        db.batch(
          Array.from({ length: 30 }, () => ({ type: "put", key: "k", value: "v".repeat(99) })),
        ),
      ).rejects.toMatchObject(refused("BITCASK_BATCH_TOO_LARGE"));
      await expect(db.put(5 as never, "v")).rejects.toThrow(TypeError);
      await expect(db.put("k", null as never)).rejects.toThrow(TypeError);
      await expect(db.put("k", "v", { ttlMs: 0 })).rejects.toThrow(RangeError);
      await expect(db.put("k", "v", { ttlMs: 1, expiresAtMs: 5 })).rejects.toThrow(TypeError);
      await expect(db.put("k", "v", { sync: "sometimes" as never })).rejects.toThrow(TypeError);
      await expect(db.batch([{ type: "move" as never, key: "k" }])).rejects.toThrow(TypeError);
      expect(() => db.keys({ limit: -1 })).toThrow(RangeError);
      expect(db.stats().writes.records).toBe(0);
    },
    { maxValueBytes: 1000, maxBatchBytes: 3000 },
  );
});

test("keys of 65,535 bytes and empty values are fine", async () => {
  await withStore(async (db) => {
    const key = new Uint8Array(65_535).fill(255);
    await db.put(key, "");
    expect(db.getSync(key)).toEqual(new Uint8Array());
    expect((await db.keys({ gte: key }).next()).value).toEqual(key);
  });
});

test("options that make no sense are refused by name", async () => {
  const bench = new Bench();
  await expect(bench.open({ colour: 1 } as never)).rejects.toThrow(/unknown option: colour/);
  await expect(bench.open({ dataFileMaxBytes: 1.5 })).rejects.toThrow(/dataFileMaxBytes/);
  await expect(bench.open({ sync: 1 as never })).rejects.toThrow(/sync/);
  await expect(bench.open({ mergeDeadFraction: 0 })).rejects.toThrow(/mergeDeadFraction/);
  await expect(Bitcask.open("")).rejects.toThrow(TypeError);
});

test("every call on a closed store says that it is closed", async () => {
  const db = await new Bench().open();
  const scan = db.entries();
  await db.put("a", "1");
  await db.put("b", "2");
  await scan.next();
  await db.close();
  await db.close();
  const closed = { code: "BITCASK_CLOSED" };
  await expect(db.put("a", "1")).rejects.toMatchObject(closed);
  await expect(db.delete("a")).rejects.toMatchObject(closed);
  await expect(db.batch([])).rejects.toMatchObject(closed);
  await expect(db.get("a")).rejects.toMatchObject(closed);
  await expect(db.getEntry("a")).rejects.toMatchObject(closed);
  await expect(db.sync()).rejects.toMatchObject(closed);
  await expect(db.merge()).rejects.toMatchObject(closed);
  await expect(scan.next()).rejects.toMatchObject(closed);
  for (const call of [
    () => db.getSync("a"),
    () => db.getEntrySync("a"),
    () => db.has("a"),
    () => db.stats(),
    () => db.entries(),
    () => db.keys(),
    () => db.values(),
    () => db.entriesSync(),
    () => db.keysSync(),
  ]) {
    expect(call).toThrow(expect.objectContaining(closed));
  }
});

test("without createIfMissing a missing store is not made", async () => {
  const bench = new Bench();
  const refused = bench.open({ createIfMissing: false });
  await expect(refused).rejects.toMatchObject({ code: "BITCASK_NOT_FOUND" });
  expect(isBitcaskError(await refused.catch((error: unknown) => error))).toBe(true);
  expect(bench.fileSystem.paths()).toEqual([]);
});

test("more writes than may wait are refused; those admitted are kept, in order", async () => {
  await withStore(
    async (db) => {
      const puts = Array.from({ length: 12 }, (_, index) => db.put("k", `${index}`));
      const results = await Promise.allSettled(puts);
      const refused = results.filter(({ status }) => status === "rejected");
      expect(refused.length).toBe(2);
      expect(refused[0]).toMatchObject({ reason: { code: "BITCASK_OVERLOADED" } });
      expect(Buffer.from(db.getSync("k") ?? []).toString()).toBe("9");
    },
    { maxQueuedWrites: 10, maxQueuedBytes: 60 },
  );
});
