/** What the store does when the memory of its index is bounded, or its order turned off. */
import { describe, expect, test } from "vitest";
import type { Bitcask, BitcaskOptions } from "../../src/index.js";
import { Bench } from "./bench-store.js";

const MIB = 1024 * 1024;
async function withStore(
  work: (db: Bitcask) => Promise<void>,
  options: BitcaskOptions,
): Promise<void> {
  const db = await new Bench().open(options);
  await work(db);
  await db.close();
}

const full = { code: "BITCASK_INDEX_FULL" };

describe("a store whose index may take no more memory", () => {
  test("refuses fresh keys before they are written; overwriting, deleting and batches of both go on", async () => {
    const bench = new Bench();
    const options = { maxKeydirBytes: 4 * MIB, sync: "never" as const };
    const db = await bench.open(options);
    const put = async (from: number, to: number): Promise<number> => {
      for (let at = from; at < to; at += 1000) {
        const keys = Array.from({ length: 1000 }, (_, index) => at + index);
        const results = await Promise.allSettled(keys.map((key) => db.put(`key-${key}`, "1")));
        const refused = results.findIndex(({ status }) => status === "rejected");
        if (refused < 0) continue;
        expect(results[refused]).toMatchObject({ reason: { ...full, outcome: "not-applied" } });
        return at + refused;
      }
      return to;
    };
    // What is on the way counts as taken, so one at a time still fits when many do not.
    let count = await put(0, 1_000_000);
    for (;;) {
      const refusal = await db.put(`key-${count}`, "1").catch((error: unknown) => error);
      if (refusal !== undefined && refusal !== false) break;
      count += 1;
    }
    expect(count).toBeGreaterThan(10_000);
    expect(count).toBeLessThan(100_000);
    expect(db.stats().keys).toBe(count);
    const { records } = db.stats().writes;
    await expect(db.batch([{ type: "put", key: "fresh", value: "1" }])).rejects.toMatchObject(full);
    expect(db.stats().writes.records).toBe(records);
    expect(db.has(`key-${count}`)).toBe(false);
    await Promise.all([db.put("key-0", "2"), db.put("key-1", "2")]);
    await db.batch([
      { type: "put", key: "key-2", value: "2" },
      { type: "delete", key: "key-3" },
    ]);
    expect(Buffer.from(db.getSync("key-0") ?? []).toString()).toBe("2");
    expect(db.has("key-3")).toBe(false);
    await db.close();

    await expect(bench.open({ maxKeydirBytes: 4 * MIB - 1 })).rejects.toThrow(RangeError);
    const again = await bench.open(options);
    expect(again.stats().keys).toBe(count - 1);
    await again.close();
  });

  test("refuses to open what would not fit, with nothing changed", async () => {
    const bench = new Bench();
    const db = await bench.open({ sync: "never" });
    for (let batch = 0; batch < 20; batch++) {
      await db.batch(
        Array.from({ length: 10_000 }, (_, index) => {
          return { type: "put" as const, key: `key-${batch * 10_000 + index}`, value: "" };
        }),
      );
    }
    await db.close();
    await expect(bench.open({ maxKeydirBytes: 4 * MIB })).rejects.toMatchObject(full);
    const again = await bench.open({ maxKeydirBytes: 40 * MIB });
    expect(again.stats().keys).toBe(200_000);
    await again.close();
  });
});

test("a store without order reads, writes and merges, and refuses scans", async () => {
  await withStore(
    async (db) => {
      for (let index = 0; index < 50; index++) await db.put(`key-${index % 20}`, `${index}`);
      await db.delete("key-3");
      await db.merge();
      expect(Buffer.from(db.getSync("key-9") ?? []).toString()).toBe("49");
      expect(db.has("key-3")).toBe(false);
      const unordered = expect.objectContaining({ code: "BITCASK_UNORDERED" });
      expect(() => db.entries()).toThrow(unordered);
      expect(() => db.keysSync()).toThrow(unordered);
    },
    { ordered: false },
  );
});

describe("a scan that is open while the store is merged", () => {
  test("reads records where the merge has put them, and after another merge", async () => {
    await withStore(
      async (db) => {
        for (let index = 0; index < 40; index++) await db.put(`key-${index}`, `old ${index}`);
        await db.put("key-0", "old 0");
        const scan = db.entriesSync();
        const first = scan.next().value;
        expect(Buffer.from(first?.value ?? []).toString()).toBe("old 0");
        const expected = new Map<string, string>();
        for (let index = 1; index < 40; index++) expected.set(`key-${index}`, `old ${index}`);
        await db.merge();
        for (let index = 0; index < 40; index++) await db.put(`key-${index}`, `new ${index}`);
        await db.merge();
        await db.delete("key-5");
        await db.merge();
        for (const { key, value } of scan) {
          const name = Buffer.from(key).toString();
          expect(Buffer.from(value).toString()).toBe(expected.get(name));
          expected.delete(name);
        }
        expect(expected.size).toBe(0);
        expect(Buffer.from(db.getSync("key-7") ?? []).toString()).toBe("new 7");
      },
      { dataFileMaxBytes: 600 },
    );
  });

  test("goes on seeing a key that expires, and that a merge takes out, meanwhile", async () => {
    const bench = new Bench();
    const db = await bench.open();
    await db.put("a", "1");
    await db.put("a", "2");
    await db.put("b", "short-lived", { ttlMs: 1000 });
    const scan = db.keysSync();
    scan.next();
    bench.clock.advance(2000);
    expect(db.has("b")).toBe(false);
    await db.merge();
    expect(db.stats().keys).toBe(1);
    // The same number as the deletion's, were it a write.
    await db.put("b", "again");
    expect([...scan].map((key) => Buffer.from(key).toString())).toEqual(["b"]);
    expect(Buffer.from(db.getSync("b") ?? []).toString()).toBe("again");
    const later = db.keysSync();
    later.next();
    await db.put("c", "3");
    expect([...later].length).toBe(1);
    await db.close();
  });
});
