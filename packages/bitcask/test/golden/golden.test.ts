/** Stores that earlier releases have written. Each must open for ever, with the same content. */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Bitcask } from "../../src/index.js";
import { FAR_FUTURE_MS, makeGolden } from "./make-golden.js";

const target = process.env["TITAN_MAKE_GOLDEN"];
test.runIf(target !== undefined)("writes a golden store", async () => {
  await makeGolden(target as string);
});

test.skipIf(target !== undefined)("a store of format version 1 opens with all it held", async () => {
  const directory = await mkdtemp(join(tmpdir(), "bitcask-golden-"));
  try {
    await cp(join(import.meta.dirname, "v1"), directory, { recursive: true });
    const db = await Bitcask.open(directory);
    const found: Record<string, string> = {};
    for await (const { key, value, expiresAtMs } of db.entries()) {
      const name = Buffer.from(key).toString("latin1");
      found[name] = Buffer.from(value).toString("latin1");
      const expires = name === "long-lived" || name === "batch-2";
      expect(expiresAtMs).toBe(expires ? FAR_FUTURE_MS : undefined);
    }
    expect(found).toEqual({
      "\u0000\u00ff\n": "\u0001\u0002\u0003",
      "batch-1": "one",
      "batch-2": "two",
      empty: "",
      "key-0": "value 10",
      "key-1": "value 11",
      "key-2": "value 12",
      "key-5": "value 15",
      "key-6": "value 16",
      "key-7": "value 17",
      "key-8": "value 18",
      "key-9": "value 19",
      "long-lived": "here",
    });
    expect(db.stats().open.hintEntriesLoaded).toBeGreaterThan(0);
    expect(db.stats().open.ignoredHints).toEqual([]);
    await db.put("key-0", "written by this release");
    await db.merge();
    await db.close();
    const again = await Bitcask.open(directory);
    expect(Buffer.from(again.getSync("key-0") ?? []).toString()).toBe("written by this release");
    await again.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test("the golden store is complete", async () => {
  const names = await readdir(join(import.meta.dirname, "v1"));
  for (const kind of [/^manifest$/, /\.data$/, /\.hint$/]) {
    expect(names.some((name) => kind.test(name))).toBe(true);
  }
});
