import type { Engine, EngineSettings, StoreName } from "./engine.js";

/** Loads the store's module, without opening anything: what follows can then be timed. */
export async function importEngine(
  store: StoreName,
): Promise<(settings: EngineSettings) => Promise<Engine>> {
  switch (store) {
    case "titan":
      return (await import("./titan-engine.js")).openTitan;
    case "lmdb": {
      const { openLmdb } = await import("./lmdb-engine.js");
      return async (settings) => openLmdb(settings);
    }
    case "classic-level":
      return (await import("./level-engine.js")).openLevel;
    case "better-sqlite3": {
      const { openSqlite } = await import("./sqlite-engine.js");
      return async (settings) => openSqlite(settings);
    }
    case "rocksdb":
      return (await import("./rocksdb-engine.js")).openRocksdb;
  }
}
