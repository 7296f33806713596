/** The hint that closing leaves for the active file, so that the next open need not read it. */
import { expect, test } from "vitest";
import { Bench, text } from "./bench-store.js";

const options = { dataFileMaxBytes: 4096 };

test("a store that was closed opens by hints alone, and appends behind what they cover", async () => {
  const bench = new Bench();
  const first = await bench.open(options);
  for (let index = 0; index < 30; index++) await first.put(`key-${index}`, `value ${index}`);
  await first.delete("key-3");
  await first.close();
  const second = await bench.open(options);
  expect(second.stats().open).toMatchObject({ recordsScanned: 0, hintEntriesLoaded: 31 });
  expect(second.has("key-3")).toBe(false);
  await second.put("key-4", "later");
  await second.close();
  const third = await bench.open(options);
  expect(third.stats().open).toMatchObject({ recordsScanned: 1, hintEntriesLoaded: 31 });
  expect(text(third.getSync("key-4"))).toBe("later");
  expect(text(third.getSync("key-29"))).toBe("value 29");
  expect(third.stats().keys).toBe(29);
  await third.close();
});

test("little is left without a hint, and a disk that is full keeps no store from closing", async () => {
  const bench = new Bench();
  const first = await bench.open(options);
  await first.put("a", "1");
  await first.close();
  expect(bench.names().filter((name) => name.endsWith(".hint"))).toEqual([]);
  const second = await bench.open(options);
  for (let index = 0; index < 30; index++) await second.put(`key-${index}`, `value ${index}`);
  bench.fileSystem.faults.add({
    kind: "write",
    path: /hint/,
    fault: { type: "error", code: "ENOSPC" },
  });
  await second.close();
  const third = await bench.open(options);
  expect(third.stats().open).toMatchObject({ recordsScanned: 31, hintEntriesLoaded: 0 });
  await third.close();
});
