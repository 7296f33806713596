import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bitcask } from "../../src/index.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "bitcask-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

describe("a store on a real disk", () => {
  test("gives back what was put, across a reopen", async () => {
    const db = await Bitcask.open(directory);
    await db.put("a", "1");
    await db.put("b", "");
    await db.put(Uint8Array.of(0, 255), Uint8Array.of(1, 2, 3));
    expect(text(db.getSync("a"))).toBe("1");
    expect(db.getSync("b")).toEqual(new Uint8Array());
    expect(await db.get(Uint8Array.of(0, 255))).toEqual(Uint8Array.of(1, 2, 3));
    expect(db.getSync("c")).toBeUndefined();
    await db.close();

    await using again = await Bitcask.open(directory);
    expect(text(again.getSync("a"))).toBe("1");
    expect(again.getSync("b")).toEqual(new Uint8Array());
    expect(again.stats().keys).toBe(3);
    expect(again.stats().open.tornTail).toBeUndefined();
  });

  test("delete tells whether the key was there", async () => {
    await using db = await Bitcask.open(directory);
    expect(await db.delete("a")).toBe(false);
    await db.put("a", "1");
    const answers = await Promise.all([db.delete("a"), db.delete("a")]);
    expect(answers).toEqual([true, false]);
    expect(db.has("a")).toBe(false);
  });

  test("scans in byte order within bounds, over a frozen view", async () => {
    await using db = await Bitcask.open(directory, { sync: "never" });
    for (const key of ["b", "a", "ab", "c", "B"]) await db.put(key, `value of ${key}`);
    const keysOf = async (options?: Parameters<typeof db.keys>[0]) =>
      (await collect(db.keys(options))).map(text);
    expect(await keysOf()).toEqual(["B", "a", "ab", "b", "c"]);
    expect(await keysOf({ prefix: "a" })).toEqual(["a", "ab"]);
    expect(await keysOf({ gt: "a", lte: "c", reverse: true, limit: 2 })).toEqual(["c", "b"]);
    const seen: (string | undefined)[] = [];
    for await (const { key, value } of db.entries()) {
      seen.push(`${text(key)}=${text(value)}`);
      await db.delete("c");
      await db.put("ab", "changed");
    }
    expect(seen).toContain("c=value of c");
    expect(seen).toContain("ab=value of ab");
  });

  test("rotates, merges and reopens without losing or reviving a key", async () => {
    const options = { sync: "never", dataFileMaxBytes: 2000, autoMerge: false } as const;
    const db = await Bitcask.open(directory, options);
    const model = new Map<string, string>();
    for (let round = 0; round < 400; round++) {
      const key = `key-${round % 37}`;
      if (round % 5 === 0) {
        await db.delete(key);
        model.delete(key);
      } else {
        await db.put(key, `value ${round}`);
        model.set(key, `value ${round}`);
      }
    }
    const before = db.stats();
    expect(before.files.length).toBeGreaterThan(5);
    const result = await db.merge();
    expect(result.bytesReclaimed).toBeGreaterThan(0);
    const check = (store: Bitcask) => {
      for (let index = 0; index < 37; index++) {
        const key = `key-${index}`;
        expect(text(store.getSync(key))).toBe(model.get(key));
      }
      expect(store.stats().keys).toBe(model.size);
    };
    check(db);
    const after = db.stats();
    expect(after.files.length).toBeLessThan(before.files.length);
    await db.close();
    const again = await Bitcask.open(directory, options);
    check(again);
    expect(again.stats().open.removedFiles).toEqual([]);
    const live = (stats: typeof after) => stats.liveBytes;
    expect(live(again.stats())).toBe(live(after));
    await again.close();
  });

  test("many writers share one fdatasync", async () => {
    await using db = await Bitcask.open(directory);
    await Promise.all(Array.from({ length: 500 }, (_, index) => db.put(`k${index}`, "v")));
    const { records, syncs } = db.stats().writes;
    expect(records).toBe(500);
    expect(syncs).toBeLessThan(5);
  });
});
