/**
 * What a store must do to be measured. Each adapter uses its store as well as its documentation
 * allows; where a store has several ways to the same end, the fastest measured one is taken.
 */

/** Stores in the order of the table. */
export const STORES = ["titan", "lmdb", "classic-level", "better-sqlite3", "rocksdb"] as const;
export type StoreName = (typeof STORES)[number];
export type PeerName = Exclude<StoreName, "titan">;

/** What the settings of a store depend on. */
export interface EngineSettings {
  /** Made by the caller. */
  readonly directory: string;
  /** Whether a write is acknowledged only once it survives a power cut. */
  readonly isDurable: boolean;
  /** Callers that write at once, where the best setting depends on it. */
  readonly callers: number;
  /** Bytes for cached values, when the store has such a cache; 0 for none. Peers keep 128 MiB. */
  readonly valueCacheBytes: number;
  /** Whether keys are to be kept in order; of Titan. */
  readonly isOrdered: boolean;
  /** Whether an image of the index is to be left; of Titan. */
  readonly hasIndexImage: boolean;
}

export interface Put {
  readonly key: string;
  readonly value: Buffer;
}

/** What a read gives: only its length is looked at. */
export interface ReadValue {
  readonly length: number;
}

/** An open store. Keys are strings of 16 ASCII characters. */
export interface Engine {
  /** Puts or removals in one large batch that suit the store best, as measured. */
  readonly batchOperations: number;
  /** Reads in place; `undefined` in a store that can't. */
  readonly getSync: ((key: string) => ReadValue | undefined) | undefined;
  /** As callers who await use it; of Titan. */
  readonly get?: (key: string) => Promise<ReadValue | undefined>;
  /** Used where there is no `getSync`; calls back once. */
  readonly getAsync:
    | ((key: string, done: (value: ReadValue | undefined) => void) => void)
    | undefined;
  /** @returns the number of keys found */
  getMany(keys: readonly string[]): number | Promise<number>;
  /** One write of a caller of its own, durable when the store was opened so. */
  put(key: string, value: Buffer): Promise<unknown>;
  /** Writes that so many callers of one turn issued; resolves when all are visible. */
  putTurn(puts: readonly Put[]): Promise<unknown>;
  /** A large batch of new keys. */
  load(puts: readonly Put[]): Promise<unknown>;
  /** A large batch of removals. */
  removeAll(keys: readonly string[]): Promise<unknown>;
  /** Reads keys and values of up to `limit` rows from `from` on. @returns how many there were */
  scan(from: string, limit: number): number | Promise<number>;
  /** Makes everything written so far durable. */
  sync(): Promise<unknown>;
  /** Gives back space as far as the store can while open. */
  compact(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** What suits all stores that do not say otherwise. */
export const BATCH_OPERATIONS = 10_000;

/** Bytes for the block or page cache of peers. */
export const PEER_CACHE_BYTES = 128 * 1024 * 1024;
