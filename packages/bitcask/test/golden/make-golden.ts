/**
 * Writes the golden store of the current format, once per format version; never over an existing one:
 * `vitest run test/golden` with `TITAN_MAKE_GOLDEN=<directory>`.
 */
import { Bitcask } from "../../src/index.js";
import { ManualClock, SeededRandom } from "../../src/testing/index.js";

/** 2100-01-01, so that the key which carries it is there for as long as anybody cares. */
export const FAR_FUTURE_MS = Date.UTC(2100, 0, 1);

/** A store with every kind of record: hints, a merged file, a batch, a tombstone, expiries, a floor. */
export async function makeGolden(directory: string): Promise<void> {
  const clock = new ManualClock();
  const ports = { clock, random: new SeededRandom(42) };
  const db = await Bitcask.open(directory, { dataFileMaxBytes: 600, autoMerge: false, ports });
  for (let index = 0; index < 20; index++) await db.put(`key-${index % 10}`, `value ${index}`);
  await db.delete("key-3");
  await db.merge();
  await db.put("short-lived", "gone", { ttlMs: 1000 });
  clock.advance(2000);
  db.has("short-lived");
  await db.put("long-lived", "here", { expiresAtMs: FAR_FUTURE_MS });
  await db.put("empty", "");
  await db.put(Uint8Array.of(0, 255, 10), Uint8Array.of(1, 2, 3));
  await db.batch([
    { type: "put", key: "batch-1", value: "one" },
    { type: "delete", key: "key-4" },
    { type: "put", key: "batch-2", value: "two", expiresAtMs: FAR_FUTURE_MS },
  ]);
  await db.close();
}
