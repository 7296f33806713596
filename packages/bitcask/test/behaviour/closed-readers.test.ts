/** What readers of a closed store may still do: let go, and nothing to its directory. */
import { expect, test } from "vitest";
import type { Bitcask } from "../../src/index.js";
import { Bench, text } from "./bench-store.js";

/** Some sealed files of garbage, and one that takes writes. */
async function fill(db: Bitcask): Promise<void> {
  for (let round = 0; round < 60; round++) await db.put(`key-${round % 10}`, `value ${round}`);
}

const READERS = [
  [
    "scan",
    async (db: Bitcask) => {
      const rows = db.entries();
      await rows.next();
      return async () => void (await rows.return?.());
    },
  ],
  [
    "snapshot",
    (db: Bitcask) => {
      const snapshot = db.snapshot();
      return Promise.resolve(() => Promise.resolve(snapshot.release()));
    },
  ],
] as const;

for (const [name, begin] of READERS) {
  test(`a ${name} that ends after its store was closed removes no file of a restored one`, async () => {
    const bench = new Bench();
    const db = await bench.open({ dataFileMaxBytes: 600, autoMerge: false });
    await fill(db);
    const copy = new Map<string, Uint8Array>();
    for (const file of bench.names()) {
      if (file.endsWith(".data")) copy.set(file, await bench.read(file));
    }
    const end = await begin(db);
    await db.merge();
    await db.close();
    for (const [file, bytes] of copy) await bench.write(file, bytes);
    await end();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(bench.names()).toEqual(expect.arrayContaining([...copy.keys()]));
  });
}

test("files that a reader held beyond the close go at the next opening", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 600, autoMerge: false });
  await fill(db);
  const merged = db.stats().files.filter(({ isActive }) => !isActive);
  const snapshot = db.snapshot();
  await db.merge();
  await db.close();
  const names = merged.map(({ id }) => `${String(id).padStart(10, "0")}.data`);
  expect(bench.names()).toEqual(expect.arrayContaining(names));
  const again = await bench.open();
  snapshot.release();
  expect(again.stats().open.removedFiles).toEqual(expect.arrayContaining(names));
  expect(bench.names().filter((name) => names.includes(name))).toEqual([]);
  expect(text(again.getSync("key-9"))).toBe("value 59");
  await again.close();
});
