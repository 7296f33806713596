import { promisify } from "node:util";
import { syncDirectory } from "../disk.js";
import {
  BATCH_OPERATIONS,
  type Engine,
  type EngineSettings,
  PEER_CACHE_BYTES,
  type Put,
  type ReadValue,
} from "./engine.js";
import { loadPeer } from "./peer-module.js";
import { TurnBatcher } from "./turn-batcher.js";

type Callback<T> = (error: Error | null | undefined, result: T) => void;

interface RocksDatabase {
  open(options: object, done: Callback<void>): void;
  get(key: string, done: Callback<Buffer>): void;
  getMany(keys: readonly string[], done: Callback<(Buffer | undefined)[]>): void;
  batch(operations: readonly object[], options: object, done: Callback<void>): void;
  iterator(options: object): RocksIterator;
  compactRange(start: string, end: string, done: Callback<void>): void;
  close(done: Callback<void>): void;
}

interface RocksIterator {
  next(done: (error: Error | null | undefined, key?: ReadValue, value?: ReadValue) => void): void;
  end(done: Callback<void>): void;
}

export async function openRocksdb(settings: EngineSettings): Promise<Engine> {
  const rocksdb = loadPeer("rocksdb") as (location: string) => RocksDatabase;
  const db = rocksdb(settings.directory);
  await promisify(db.open.bind(db))({
    cacheSize: PEER_CACHE_BYTES,
    writeBufferSize: 32 * 1024 * 1024,
  });
  const batch = promisify(db.batch.bind(db));
  const getMany = promisify(db.getMany.bind(db));
  const compactRange = promisify(db.compactRange.bind(db));
  const sync = settings.isDurable;
  const write = (puts: readonly Put[]) =>
    batch(
      puts.map(({ key, value }) => ({ type: "put", key, value })),
      { sync },
    );
  const batcher = new TurnBatcher(write);
  return {
    batchOperations: BATCH_OPERATIONS,
    getSync: undefined,
    // A missing key is an error of that interface; so would be a real failure, which the caller's
    // check of the number of values found brings to light.
    getAsync: (key, done) => db.get(key, (error, value) => done(error ? undefined : value)),
    async getMany(keys) {
      const values = await getMany(keys);
      return values.filter((value) => value !== undefined).length;
    },
    put: (key, value) => batcher.put(key, value),
    putTurn: write,
    load: write,
    removeAll: (keys) =>
      batch(
        keys.map((key) => ({ type: "del", key })),
        { sync },
      ),
    scan: (from, limit) => scanRows(db, from, limit),
    sync: () => syncDirectory(settings.directory),
    compact: () => compactRange("", "~"),
    close: () => promisify(db.close.bind(db))(),
  };
}

function scanRows(db: RocksDatabase, from: string, limit: number): Promise<number> {
  const iterator = db.iterator({ gte: from, limit, highWaterMark: 1024 * 1024 });
  return new Promise((resolve, reject) => {
    let rows = 0;
    const step = (): void => {
      iterator.next((error, key, value) => {
        if (error) return reject(error);
        if (key === undefined) return iterator.end(() => resolve(rows));
        if (key.length > 0 && value !== undefined && value.length > 0) rows += 1;
        step();
      });
    };
    step();
  });
}
