import type { KeyedEntry } from "./bitcask.js";
import { checkKey } from "./bytes.js";
import { FrozenView } from "./frozen-view.js";
import type { ScanOptions } from "./options.js";
import type { RecordReader } from "./record-reader.js";
import { rejection } from "./rejection.js";
import { scanEntries, scanEntriesSync, scanKeys, scanKeysSync, scanValues } from "./scan.js";
import type { Store } from "./store.js";

/**
 * The store as it was when {@link Bitcask.snapshot} was called: whatever is written or merged since,
 * every read and scan through it sees that moment, expiry included.
 *
 * It keeps about 50 bytes of each key that is overwritten or deleted meanwhile, and on disk the files
 * that merges replace: release it. One that is forgotten is given up once a million such keys are kept;
 * reads then fail with `BITCASK_SNAPSHOT_GONE`, as they do after its release.
 */
export class Snapshot {
  readonly #store: Store;
  readonly #view: FrozenView;
  readonly #reader: RecordReader;

  /** Made by {@link Bitcask.snapshot}. */
  constructor(store: Store) {
    this.#store = store;
    this.#view = new FrozenView(store);
    this.#reader = store.reader.at(this.#view);
  }

  /** False once released or given up. */
  get isOpen(): boolean {
    return this.#view.snapshot.isOpen;
  }

  /** As {@link Bitcask.getSync}. */
  getSync(key: Uint8Array | string): Uint8Array | undefined {
    return this.#readerFor(key).getSync(key);
  }

  /** As {@link Bitcask.get}. */
  get(key: Uint8Array | string): Promise<Uint8Array | undefined> {
    try {
      return Promise.resolve(this.#readerFor(key).getSoon(key));
    } catch (error) {
      return rejection(error);
    }
  }

  /** As {@link Bitcask.getMany}. */
  getMany(keys: readonly (Uint8Array | string)[]): Promise<(Uint8Array | undefined)[]> {
    try {
      this.#store.assertReadable();
      for (const key of keys) checkKey(key, this.#store.options.maxKeyBytes);
      return this.#reader.getMany(keys);
    } catch (error) {
      return rejection(error);
    }
  }

  /** As {@link Bitcask.has}. */
  has(key: Uint8Array | string): boolean {
    return this.#readerFor(key).has(key);
  }

  /** As {@link Bitcask.entries}. */
  entries(options?: ScanOptions): AsyncIterableIterator<KeyedEntry> {
    return scanEntries(this.#store, options, this.#view);
  }

  /** As {@link Bitcask.keys}. */
  keys(options?: ScanOptions): AsyncIterableIterator<Uint8Array> {
    return scanKeys(this.#store, options, this.#view);
  }

  /** As {@link Bitcask.values}. */
  values(options?: ScanOptions): AsyncIterableIterator<Uint8Array> {
    return scanValues(this.#store, options, this.#view);
  }

  /** As {@link Bitcask.entriesSync}. */
  entriesSync(options?: ScanOptions): IterableIterator<KeyedEntry> {
    return scanEntriesSync(this.#store, options, this.#view);
  }

  /** As {@link Bitcask.keysSync}. */
  keysSync(options?: ScanOptions): IterableIterator<Uint8Array> {
    return scanKeysSync(this.#store, options, this.#view);
  }

  /** Lets go of what is kept for it; scans through it that are under way end with an error. Idempotent. */
  release(): void {
    this.#view.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  #readerFor(key: Uint8Array | string): RecordReader {
    this.#store.assertReadable();
    checkKey(key, this.#store.options.maxKeyBytes);
    return this.#reader;
  }
}
