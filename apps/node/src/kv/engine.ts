/** What the key-value layer asks of the store beneath it. Implemented over Bitcask; a map plays it in tests. */

/** A value as stored. The bytes belong to the caller of the read. */
export interface StoredRecord {
  readonly value: Uint8Array;
  /** Wall-clock milliseconds at which the record stops to exist; absent when it does not expire. */
  readonly expiresAtMs: number | undefined;
}

/** One write. `ttlMs` counts from the moment of the call, is positive, and absent for "does not expire". */
export type EngineWrite =
  | {
      readonly type: "put";
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly ttlMs?: number;
    }
  | { readonly type: "delete"; readonly key: Uint8Array };

/** Keys `from <= key < to` in byte order; `afterFrom` leaves `from` itself out. */
export interface EngineRange {
  readonly from: Uint8Array;
  readonly afterFrom: boolean;
  readonly to: Uint8Array;
  readonly reverse: boolean;
}

/** Sizes of the store. */
export interface EngineStats {
  readonly keys: number;
  readonly liveBytes: number;
  readonly deadBytes: number;
  readonly dataFiles: number;
}

/**
 * A view that the engine had to give up, because keeping it cost too much: so much was overwritten since
 * it was opened. A new one can be opened at once.
 */
export class ViewGone extends Error {
  override readonly name: string = "ViewGone";
}

/**
 * An ordered map from bytes to bytes.
 *
 * Ordering: a write takes its place when it is called, not when its promise settles, so of two writes
 * to a key the one called later stays. When a write fails, so does every write called after it and
 * before the failure was reported.
 */
export interface Engine {
  /** The record that the last settled write left; expired ones are absent. */
  read(key: Uint8Array): StoredRecord | undefined;
  /** Resolves once the write is as durable as the store was asked to make it. */
  write(write: EngineWrite): Promise<void>;
  /** As {@link Engine.write}, all or nothing, applied in order. At least one write. */
  writeAll(writes: readonly EngineWrite[]): Promise<void>;
  /** As {@link Engine.write}, but resolves only once the write is on stable storage. */
  writeDurably(write: EngineWrite): Promise<void>;
  /** A consistent view of a range. Ending the iteration early frees what it holds. @throws ViewGone */
  scan(range: EngineRange): AsyncIterableIterator<readonly [Uint8Array, StoredRecord]>;
  /** The store's notion of the wall clock, which never goes back. Milliseconds since the Unix epoch. */
  nowMs(): number;
  stats(): EngineStats;
  /** Settles the writes under way, makes them durable and releases the store. Idempotent. */
  close(): Promise<void>;
}
