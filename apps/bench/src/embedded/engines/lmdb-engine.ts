import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Engine, EngineSettings, Put, ReadValue } from "./engine.js";
import { loadPeer } from "./peer-module.js";

interface Lmdb {
  readonly open: (options: Record<string, unknown>) => LmdbDatabase;
}

interface LmdbDatabase {
  getBinaryFast(key: string): ReadValue | undefined;
  getMany(keys: readonly string[]): Promise<(ReadValue | undefined)[]>;
  put(key: string, value: Buffer): Promise<unknown>;
  putSync(key: string, value: Buffer): void;
  removeSync(key: string): void;
  transactionSync(work: () => void): void;
  getRange(options: { start: string; limit: number }): Iterable<{ key: string; value: Buffer }>;
  readonly flushed: PromiseLike<unknown>;
  close(): Promise<void>;
}

/** From so many callers on, `overlappingSync` is the faster setting (measured: 123k to 147k/s). */
const OVERLAPPING_CALLERS = 1024;
/** Larger transactions leave so long a list of free pages that the updates after them crawl. */
const TRANSACTION_OPERATIONS = 1000;

export function openLmdb(settings: EngineSettings): Engine {
  const isOverlapping = settings.callers >= OVERLAPPING_CALLERS;
  const { open: openDatabase } = loadPeer("lmdb") as Lmdb;
  const db = openDatabase({
    path: join(settings.directory, "data.mdb"),
    encoding: "binary",
    noMemInit: true,
    ...(settings.isDurable
      ? { overlappingSync: isOverlapping }
      : { noSync: true, useWritemap: true }),
  });
  const putDurably = async (key: string, value: Buffer): Promise<void> => {
    await db.put(key, value);
    await db.flushed;
  };
  // Without a sync to wait for, transactions in place are faster than those on its thread.
  const putAll = async (puts: readonly Put[]): Promise<void> => {
    db.transactionSync(() => {
      for (const { key, value } of puts) db.putSync(key, value);
    });
  };
  return {
    batchOperations: TRANSACTION_OPERATIONS,
    getSync: (key) => db.getBinaryFast(key),
    getAsync: undefined,
    getMany(keys) {
      // Its own getMany reads ahead on a thread, which pays only for what is not in memory.
      let found = 0;
      for (const key of keys) if (db.getBinaryFast(key) !== undefined) found += 1;
      return found;
    },
    put: isOverlapping ? putDurably : (key, value) => db.put(key, value),
    putTurn: putAll,
    load: putAll,
    async removeAll(keys) {
      db.transactionSync(() => {
        for (const key of keys) db.removeSync(key);
      });
    },
    scan(from, limit) {
      let rows = 0;
      for (const { key, value } of db.getRange({ start: from, limit })) {
        if (key.length > 0 && value.length > 0) rows += 1;
      }
      return rows;
    },
    async sync() {
      // With noSync the pages are in the page cache only; any descriptor of the file can sync them.
      const file = await open(join(settings.directory, "data.mdb"), "r+");
      await file.sync();
      await file.close();
    },
    compact: () => Promise.resolve(),
    close: () => db.close(),
  };
}
