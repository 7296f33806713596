/** Values are their callers' to do with as they like; what one does with its own shows in no other. */
import { MessageChannel } from "node:worker_threads";
import { expect, test } from "vitest";
import type { Bitcask } from "../../src/index.js";
import { Bench } from "./bench-store.js";

function valueOf(db: Bitcask, key: string): Uint8Array {
  const value = db.getSync(key);
  if (value === undefined) throw new Error(`no value of ${key}`);
  return value;
}

/** Compares without printing thousands of bytes when it fails. */
function isAll(value: Uint8Array | undefined, letter: string, size: number): boolean {
  return value?.length === size && value.every((byte) => byte === letter.charCodeAt(0));
}

/** Tries to give the memory under `value` away; newer Nodes refuse it aloud, older ones copy. */
function giveAway(value: Uint8Array): void {
  const { port1, port2 } = new MessageChannel();
  try {
    port1.postMessage(value, [value.buffer as ArrayBuffer]);
  } catch (error) {
    expect(error).toMatchObject({ name: "DataCloneError" });
  } finally {
    port1.close();
    port2.close();
  }
}

for (const [size, valueCacheBytes] of [
  [100, 0],
  [5000, 0],
  [100, 1024 * 1024],
  [5000, 1024 * 1024],
  [20_000, 4 * 1024 * 1024],
] as const) {
  const kept = valueCacheBytes === 0 ? "uncached" : "cached";
  test(`transferring a value of ${size} bytes empties no other, ${kept}`, async () => {
    const db = await new Bench().open({ valueCacheBytes });
    for (const key of ["a", "b", "c"]) await db.put(key, key.repeat(size));
    for (let round = 0; round < 3; round++) {
      const others = [valueOf(db, "a"), valueOf(db, "c")];
      giveAway(valueOf(db, "b"));
      expect(isAll(others[0], "a", size)).toBe(true);
      expect(isAll(others[1], "c", size)).toBe(true);
      expect(isAll(db.getSync("b"), "b", size)).toBe(true);
    }
    await db.close();
  });
}

test("a value may be changed, whatever its size, and the next read is as it was stored", async () => {
  const db = await new Bench().open({ valueCacheBytes: 4 * 1024 * 1024 });
  for (const size of [0, 1, 320, 321, 16_384, 16_385, 40_000, 65_536, 70_000]) {
    await db.put("key", "x".repeat(size));
    for (let round = 0; round < 3; round++) {
      const value = valueOf(db, "key");
      expect(isAll(value, "x", size), `${size} bytes, read ${round + 1}`).toBe(true);
      value.fill(0);
    }
  }
  await db.close();
});
