/** Stores written by earlier releases stay readable for ever, byte by byte and with all their content. */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Bitcask, verify } from "../../src/index.js";
import { FAR_FUTURE_MS, GOLDEN_STORES, makeGolden, TEXT } from "./make-golden.js";

const target = process.env["TITAN_MAKE_GOLDEN"];
test.runIf(target !== undefined)("writes a golden store", async () => {
  await makeGolden(process.env["TITAN_GOLDEN"] ?? "v1", target as string);
});

describe.skipIf(target !== undefined).each(Object.entries(GOLDEN_STORES))(
  "the golden store %s",
  (name, options) => {
    test("is complete", async () => {
      const names = await readdir(join(import.meta.dirname, name));
      for (const kind of [/^manifest$/, /\.data$/, /\.hint$/]) {
        expect(names.some((file) => kind.test(file))).toBe(true);
      }
    });

    test("opens with all it held, and can be written to", async () => {
      const directory = await mkdtemp(join(tmpdir(), "bitcask-golden-"));
      try {
        await cp(join(import.meta.dirname, name), directory, { recursive: true });
        expect(await verify(directory, options)).toMatchObject({ ok: true });
        const db = await Bitcask.open(directory, options);
        const found: Record<string, string> = {};
        for await (const { key, value, expiresAtMs } of db.entries()) {
          const text = Buffer.from(key).toString("latin1");
          found[text] = Buffer.from(value).toString("latin1");
          const expires = text === "long-lived" || text === "batch-2";
          expect(expiresAtMs).toBe(expires ? FAR_FUTURE_MS : undefined);
        }
        expect(found).toEqual({
          "\u0000\u00ff\n": "\u0001\u0002\u0003",
          "batch-1": "one",
          "batch-2": "two",
          ...(name.includes("compressed") ? { brotli: TEXT, deflate: TEXT } : {}),
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
        const again = await Bitcask.open(directory, options);
        expect(Buffer.from(again.getSync("key-0") ?? []).toString()).toBe(
          "written by this release",
        );
        await again.close();
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
  },
);
