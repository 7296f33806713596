/** A closed store with an image of its index, for tests of what becomes of it. */
import type { BatchOperation, Bitcask, BitcaskOptions } from "../../src/index.js";
import { Bench, text } from "./bench-store.js";

export const IMAGE = "keydir.image";
const KEYS = 18_000;
export const options: BitcaskOptions = { sync: "never", dataFileMaxBytes: 1024 * 1024 };

/** Short and long keys, some of which share all their first words. */
export function keyOf(index: number): string {
  const number = String((index * 7919) % KEYS).padStart(5, "0");
  return index % 5 === 0 ? `a key that does not fit a record ${number}` : `key-${number}`;
}

/** Keys with and without expiry, overwritten, deleted; files that are merged. */
async function fill(db: Bitcask): Promise<void> {
  for (let from = 0; from < KEYS; from += 1000) {
    const puts = Array.from({ length: 1000 }, (_, offset): BatchOperation => {
      const index = from + offset;
      const ttlMs = index % 11 === 0 ? 1000 + index : undefined;
      return { type: "put", key: keyOf(index), value: `value ${index}`, ttlMs };
    });
    await db.batch(puts);
  }
  const deletes = Array.from({ length: 900 }, (_, index): BatchOperation => {
    return { type: "delete", key: keyOf(index * 3) };
  });
  await db.batch(deletes);
  await db.merge();
  for (let index = 1; index < 500; index++) await db.put(keyOf(index), `later ${index}`);
}

/** Everything that a reader can see, and what merges go by. */
export function shown(db: Bitcask): unknown {
  const { keys, files, liveBytes, deadBytes } = db.stats();
  const entries = [...db.entriesSync()].map(({ key, value, expiresAtMs }) => {
    return `${text(key)} = ${text(value)} until ${expiresAtMs}`;
  });
  const backwards = [...db.keysSync({ reverse: true, gte: "key-1", lt: "key-2" })].map(text);
  return { keys, files, liveBytes, deadBytes, entries, backwards };
}

export async function closedStore(more: BitcaskOptions = {}) {
  const bench = new Bench();
  const db = await bench.open({ ...options, ...more });
  await fill(db);
  const seen = more.ordered === false ? undefined : shown(db);
  const active = db.stats().files.find(({ isActive }) => isActive)?.id;
  await db.close();
  return { source: bench.fileSystem, seen, active };
}

/** The same store for all tests, on a disk for each of them. */
const shared = closedStore();

export async function onOwnDisk() {
  const { source, seen, active } = await shared;
  return { bench: new Bench(source.snapshot()), seen, active };
}
