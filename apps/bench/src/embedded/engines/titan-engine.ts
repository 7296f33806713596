import { Bitcask } from "@titan/bitcask";
import { BATCH_OPERATIONS, type Engine, type EngineSettings, type Put } from "./engine.js";

export async function openTitan(settings: EngineSettings): Promise<Engine> {
  const store = await Bitcask.open(settings.directory, {
    sync: settings.isDurable ? "always" : "never",
    // Merges are asked for by the phase that measures them.
    autoMerge: false,
    valueCacheBytes: settings.valueCacheBytes,
    ordered: settings.isOrdered,
    indexImage: settings.hasIndexImage,
  });
  const batch = (puts: readonly Put[]) =>
    store.batch(puts.map(({ key, value }) => ({ type: "put", key, value })));
  return {
    batchOperations: BATCH_OPERATIONS,
    getSync: (key) => store.getSync(key),
    get: (key) => store.get(key),
    getAsync: undefined,
    async getMany(keys) {
      let found = 0;
      for (const value of await store.getMany(keys)) if (value !== undefined) found += 1;
      return found;
    },
    put: (key, value) => store.put(key, value),
    // The store coalesces by itself what callers put in one turn.
    putTurn: (puts) => Promise.all(puts.map(({ key, value }) => store.put(key, value))),
    load: batch,
    removeAll: (keys) => store.batch(keys.map((key) => ({ type: "delete", key }))),
    scan(from, limit) {
      let rows = 0;
      for (const { key, value } of store.entriesSync({ gte: from, limit })) {
        if (key.length > 0 && value.length > 0) rows += 1;
      }
      return rows;
    },
    sync: () => store.sync(),
    compact: () => store.merge(),
    close: () => store.close(),
  };
}
