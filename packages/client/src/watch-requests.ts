/** What watches take and give, as plain shapes. */
import type { Key } from "./keys.js";
import type { Entry, KeyEntry } from "./requests.js";

/**
 * Where a watch stands: what has been told of each shard's history. Plain data, so that it can be kept as JSON and a
 * later watch, also of another process, goes on from there.
 */
export type WatchPosition = readonly {
  readonly shard: number;
  readonly revision: number;
}[];

/** Which changes a watch tells. No key, prefix or bound: those of every key of the keyspace. */
export interface WatchOptions {
  /** Only this key. Not together with the others. */
  readonly key?: Key | undefined;
  /** Only keys that begin with this. Can be combined with the bounds. */
  readonly prefix?: Key | undefined;
  /** First key, included. */
  readonly start?: Key | undefined;
  /** End, not included. */
  readonly end?: Key | undefined;
  /** Changes after this position of an earlier watch. Shards that it does not name begin now. @default from now on */
  readonly from?: WatchPosition | undefined;
  /** Leave the values out. @default false */
  readonly keysOnly?: boolean | undefined;
  /** A `progress` event at least this often while nothing changes, in milliseconds; at least 100. @default 5_000 */
  readonly progressIntervalMs?: number | undefined;
  /**
   * Milliseconds without a word from any node, however often it is tried, after which the watch ends with
   * `CLIENT_UNAVAILABLE`; `Infinity`: never. @default 60_000
   */
  readonly giveUpAfterMs?: number | undefined;
  /** Ends the watch with `CLIENT_ABORTED` when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** What a watch tells. `shard` and `revision` order the events of one shard. */
export type WatchEvent<V, K extends Key = string> =
  | ({ readonly type: "put"; readonly shard: number } & Entry<V, K>)
  /** Somebody removed the key, or its time to live ran out. */
  | ({ readonly type: "delete" | "expire"; readonly shard: number } & Omit<KeyEntry<K>, "ttlMs">)
  /**
   * All changes up to this position have been told. The first one says that the watch has begun: whatever is written
   * from now on is told.
   */
  | { readonly type: "progress"; readonly position: WatchPosition };

/** With `keysOnly`. */
export type KeyWatchEvent<K extends Key = string> =
  | ({ readonly type: "put"; readonly shard: number } & KeyEntry<K>)
  | Exclude<WatchEvent<never, K>, { readonly type: "put" }>;

/**
 * Changes as they come. Leaving the loop, `return()` or disposal end it on the server.
 *
 * Each change is told once, those of one shard in their order: also when nodes fail, leaders change and shards move. A
 * reader that is slow holds the server back, without bound in time but for its memory: when the history that comes next is
 * gone by then, the watch ends with `CLIENT_COMPACTED`, and what there is has to be read anew.
 */
export interface Watch<Event> extends AsyncIterableIterator<Event>, AsyncDisposable {
  /**
   * Everything up to here has been told, and taken: asking for the next event takes the one before. Give it to
   * `from` to go on after this watch has ended.
   */
  readonly position: WatchPosition;
}
