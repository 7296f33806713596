import { join } from "node:path";
import { syncDirectory } from "../disk.js";
import {
  BATCH_OPERATIONS,
  type Engine,
  type EngineSettings,
  PEER_CACHE_BYTES,
  type Put,
} from "./engine.js";
import { loadPeer } from "./peer-module.js";
import { TurnBatcher } from "./turn-batcher.js";

type BetterSqlite = new (file: string) => SqliteDatabase;

interface SqliteDatabase {
  pragma(source: string): unknown;
  exec(source: string): unknown;
  prepare(source: string): SqliteStatement;
  transaction<A>(work: (argument: A) => void): (argument: A) => void;
  close(): void;
}

interface SqliteStatement {
  pluck(): SqliteStatement;
  raw(): SqliteStatement;
  get(...values: readonly unknown[]): unknown;
  run(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): unknown[];
}

export function openSqlite(settings: EngineSettings): Engine {
  const Database = loadPeer("better-sqlite3") as BetterSqlite;
  const db = new Database(join(settings.directory, "data.db"));
  db.pragma("journal_mode = WAL");
  db.pragma(`synchronous = ${settings.isDurable ? "FULL" : "OFF"}`);
  db.pragma(`cache_size = -${PEER_CACHE_BYTES / 1024}`);
  db.pragma("mmap_size = 2147483648");
  db.exec("CREATE TABLE IF NOT EXISTS kv (k TEXT PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID");
  const select = db.prepare("SELECT v FROM kv WHERE k = ?").pluck();
  const upsert = db.prepare("INSERT OR REPLACE INTO kv (k, v) VALUES (?, ?)");
  const remove = db.prepare("DELETE FROM kv WHERE k = ?");
  const range = db.prepare("SELECT k, v FROM kv WHERE k >= ? ORDER BY k LIMIT ?").raw();
  const write = db.transaction((puts: readonly Put[]) => {
    for (const { key, value } of puts) upsert.run(key, value);
  });
  const removeAll = db.transaction((keys: readonly string[]) => {
    for (const key of keys) remove.run(key);
  });
  const batcher = new TurnBatcher((puts) => {
    write(puts);
    return undefined;
  });
  const get = (key: string) => select.get(key) as Buffer | undefined;
  return {
    batchOperations: BATCH_OPERATIONS,
    getSync: get,
    getAsync: undefined,
    getMany(keys) {
      let found = 0;
      for (const key of keys) if (get(key) !== undefined) found += 1;
      return found;
    },
    put: (key, value) => batcher.put(key, value),
    putTurn: async (puts) => write(puts),
    load: async (puts) => write(puts),
    removeAll: async (keys) => removeAll(keys),
    scan: (from, limit) => range.all(from, limit).length,
    async sync() {
      db.pragma("wal_checkpoint(TRUNCATE)");
      await syncDirectory(settings.directory);
    },
    async compact() {
      db.exec("VACUUM");
      db.pragma("wal_checkpoint(TRUNCATE)");
    },
    close: async () => db.close(),
  };
}
