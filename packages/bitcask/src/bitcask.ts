/**
 * The store as its users see it: checks arguments, then hands over to the parts. One directory, one
 * writing process. The parts: `write-queue.ts` (group commit), `record-reader.ts`, `scan.ts`,
 * `merge.ts`, put together by `store.ts`.
 */
import { checkKey, checkValue } from "./bytes.js";
import { streamBackup } from "./care/backup.js";
import { type CheckpointReport, makeCheckpoint } from "./care/checkpoint.js";
import { BitcaskError } from "./errors.js";
import type { MergeOptions, MergeResult } from "./merge.js";
import type {
  BatchOperation,
  BitcaskOptions,
  PutOptions,
  ScanOptions,
  SyncMode,
  WriteOptions,
} from "./options.js";
import { checkSyncMode, resolveOptions } from "./options.js";
import { openReadOnlyStore } from "./read-only-store.js";
import { mostBytes, plainBytes } from "./record-buffer.js";
import { EXPIRY_BYTES, RECORD_HEADER_BYTES } from "./record-format.js";
import type { RecordReader } from "./record-reader.js";
import { rejection } from "./rejection.js";
import { scanEntries, scanEntriesSync, scanKeys, scanKeysSync, scanValues } from "./scan.js";
import { Snapshot } from "./snapshot.js";
import type { BitcaskStats } from "./stats.js";
import { openStore, type Store } from "./store.js";
import type { QueuedRecord } from "./write-segment.js";

/** A value with what else is known of its key. */
export interface Entry {
  /** The caller's to keep and change. */
  readonly value: Uint8Array;
  /** When the key counts as absent, in ms since the Unix epoch; `undefined`: never. */
  readonly expiresAtMs: number | undefined;
}

/** {@link Entry} with its key, as scans yield it. */
export interface KeyedEntry extends Entry {
  readonly key: Uint8Array;
}

/**
 * An embedded key-value store. Keys and values are bytes; strings stand for their UTF-8 form.
 *
 * **Order.** Writes take effect in the order in which they were called, decided before the call
 * returns its promise. **Visibility.** Reads and scans see a write from the moment it is as durable
 * as it asked to be, which is when its promise resolves; never before. **Failures.** A rejected write
 * says in `outcome` whether it happened. After a failed write or fsync every call fails with the
 * same code until the store is reopened.
 *
 * Buffers passed in must not change until the promise has settled; buffers handed out are the caller's.
 * A small value's `buffer` is shared with other values and cannot be transferred: copy it (`slice()`) first.
 */
export class Bitcask {
  readonly #store: Store;
  #closing: Promise<void> | undefined;
  /** Checkpoints under way: closing waits for them. */
  readonly #copies = new Set<Promise<unknown>>();

  private constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Opens the store in `directory`, creating it unless `createIfMissing` is off.
   * @throws BitcaskError `BITCASK_LOCKED`, `BITCASK_CORRUPT`, `BITCASK_NEWER_FORMAT`,
   *   `BITCASK_NOT_FOUND`, `BITCASK_ACCESS_DENIED`, `BITCASK_DISK_FULL`, …
   */
  static async open(directory: string, options?: BitcaskOptions): Promise<Bitcask> {
    checkDirectory(directory);
    const resolved = resolveOptions(options);
    const open = resolved.readOnly ? openReadOnlyStore : openStore;
    return new Bitcask(await open(directory, resolved));
  }

  /**
   * Opens the store for reading, also while another process writes to it. Shows it as it was at one
   * moment of the opening, for as long as it is open; open again to see more. That may include the
   * latest writes before their writer was answered. Takes no lock and writes nothing; needs a file
   * descriptor per data file, and keeps the space of files that merges remove meanwhile.
   * @throws BitcaskError `BITCASK_NOT_FOUND`, `BITCASK_CORRUPT`, `BITCASK_TOO_MANY_FILES`, …
   */
  static openReadOnly(directory: string, options?: BitcaskOptions): Promise<Bitcask> {
    return Bitcask.open(directory, { ...options, readOnly: true });
  }

  /** The directory, as given to {@link Bitcask.open}. */
  get directory(): string {
    return this.#store.directory;
  }

  /**
   * Stores `value` under `key`. An empty value is a value. Calls that are answered together may get
   * the same promise.
   * @throws BitcaskError `BITCASK_KEY_EMPTY`, `BITCASK_KEY_TOO_LARGE`, `BITCASK_VALUE_TOO_LARGE`,
   *   `BITCASK_INVALID_STRING`, `BITCASK_DISK_FULL`, `BITCASK_OVERLOADED`, …
   */
  put(key: Uint8Array | string, value: Uint8Array | string, options?: PutOptions): Promise<void> {
    try {
      const store = this.#writable();
      const record = this.#putRecord(key, value, options);
      return store.queue.put(record, this.#syncMode(options));
    } catch (error) {
      return rejection(error);
    }
  }

  /**
   * Removes `key`.
   * @returns whether it was there, judged at the delete's place in the order of writes
   */
  delete(key: Uint8Array | string, options?: WriteOptions): Promise<boolean> {
    try {
      const store = this.#writable();
      checkKey(key, store.options.maxKeyBytes);
      return store.queue.delete(key, this.#syncMode(options));
    } catch (error) {
      return rejection(error);
    }
  }

  /**
   * Applies all operations in order, or none: also across a crash. Readers and scans see all of them
   * at once. An empty batch does nothing.
   * @throws BitcaskError `BITCASK_BATCH_TOO_LARGE` and those of {@link Bitcask.put}
   */
  batch(operations: readonly BatchOperation[], options?: WriteOptions): Promise<void> {
    try {
      const store = this.#writable();
      const records = this.#batchRecords(operations);
      const sync = this.#syncMode(options);
      return records.length === 0 ? Promise.resolve() : store.queue.batch(records, sync);
    } catch (error) {
      return rejection(error);
    }
  }

  /** The value of `key`, or `undefined`. Blocks for one read of the disk. */
  getSync(key: Uint8Array | string): Uint8Array | undefined {
    return this.#readerFor(key).getSync(key);
  }

  /** As {@link Bitcask.getSync}, without blocking for large values. */
  get(key: Uint8Array | string): Promise<Uint8Array | undefined> {
    try {
      return Promise.resolve(this.#readerFor(key).getSoon(key));
    } catch (error) {
      return rejection(error);
    }
  }

  /** As {@link Bitcask.getSync}, with the time of expiry. */
  getEntrySync(key: Uint8Array | string): Entry | undefined {
    return this.#readerFor(key).getEntrySync(key);
  }

  /** As {@link Bitcask.get}, with the time of expiry. */
  async getEntry(key: Uint8Array | string): Promise<Entry | undefined> {
    return this.#readerFor(key).getEntry(key);
  }

  /**
   * The values of `keys`, in their order, all as of the call; `undefined` for those that are not there.
   * Blocks for one read of the disk per small value.
   */
  getMany(keys: readonly (Uint8Array | string)[]): Promise<(Uint8Array | undefined)[]> {
    try {
      const { reader, options } = this.#readable();
      for (const key of keys) checkKey(key, options.maxKeyBytes);
      return reader.getMany(keys);
    } catch (error) {
      return rejection(error);
    }
  }

  /** Whether `key` is there. Reads no disk. */
  has(key: Uint8Array | string): boolean {
    return this.#readerFor(key).has(key);
  }

  /**
   * Entries in byte order of their keys, as of the first `next()`: later writes don't show, merges
   * don't disturb. Leaving the loop early releases the snapshot; an iterator that is abandoned
   * without `return()` keeps merged files on disk until the store is closed.
   */
  entries(options?: ScanOptions): AsyncIterableIterator<KeyedEntry> {
    return scanEntries(this.#readable(), options);
  }

  /** As {@link Bitcask.entries}, keys only. Reads no disk. */
  keys(options?: ScanOptions): AsyncIterableIterator<Uint8Array> {
    return scanKeys(this.#readable(), options);
  }

  /** As {@link Bitcask.entries}, values only. */
  values(options?: ScanOptions): AsyncIterableIterator<Uint8Array> {
    return scanValues(this.#readable(), options);
  }

  /** As {@link Bitcask.entries}, blocking for each read of the disk: several times faster per row. */
  entriesSync(options?: ScanOptions): IterableIterator<KeyedEntry> {
    return scanEntriesSync(this.#readable(), options);
  }

  /** As {@link Bitcask.keys}, without promises. */
  keysSync(options?: ScanOptions): IterableIterator<Uint8Array> {
    return scanKeysSync(this.#readable(), options);
  }

  /**
   * A view of the store as it is now, for reads and scans that must fit together. To be released.
   * @throws BitcaskError `BITCASK_TOO_MANY_SNAPSHOTS`: 4,096 are open, those of scans included
   */
  snapshot(): Snapshot {
    return new Snapshot(this.#readable());
  }

  /** Resolves once every write that resolved before the call is on stable storage. */
  sync(): Promise<void> {
    try {
      return this.#writable().queue.sync();
    } catch (error) {
      return rejection(error);
    }
  }

  /**
   * Rewrites what is live in files with dead bytes, or with another encryption key than the store's, and
   * removes the files; seals the active file first when it has dead bytes. Reads and writes go on. A
   * call during another that does as much joins it; `all` during one that does less runs after it.
   * @throws BitcaskError `BITCASK_DISK_FULL` when there is no room; the store is unharmed
   */
  async merge(options: MergeOptions = {}): Promise<MergeResult> {
    return this.#writable().merger.mergeAll(options.all === true);
  }

  /**
   * Makes a copy of the store in `directory`, new or empty, by hard links: in milliseconds, whatever
   * the size. It holds every write that resolved before the call, all of each batch, and is a store of
   * its own, durable when the promise resolves. Interrupted by a crash, it is refused when opened.
   * @throws BitcaskError `BITCASK_TARGET_NOT_EMPTY`, `BITCASK_CANNOT_LINK` (another file system), …
   */
  async checkpoint(directory: string): Promise<CheckpointReport> {
    checkDirectory(directory);
    const copy = makeCheckpoint(this.#writable(), directory);
    this.#copies.add(copy);
    try {
      return await copy;
    } finally {
      this.#copies.delete(copy);
    }
  }

  /**
   * The whole store as of the first `next()`, as a stream of bytes for {@link restore}: every record is
   * checked, reads and writes go on. Chunks are of about 1 MiB and the taker's to keep. End the loop, or
   * call `return()`, to let merges remove the files again.
   * @throws BitcaskError `BITCASK_CORRUPT` at the first damaged record, …
   */
  backup(): AsyncIterableIterator<Uint8Array> {
    return streamBackup(this.#readable());
  }

  /** Figures of this moment; see {@link BitcaskStats}. */
  stats(): BitcaskStats {
    return this.#readable().stats();
  }

  /**
   * Completes queued writes, syncs, records the clean end and releases the directory. Idempotent.
   * @throws BitcaskError the poisoning error, when there is one; everything is released all the same
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeAfterCopies();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #closeAfterCopies(): Promise<void> {
    if (this.#copies.size > 0) await Promise.allSettled(this.#copies);
    await this.#store.close();
  }

  #readable(): Store {
    if (this.#closing !== undefined) {
      throw new BitcaskError({ code: "BITCASK_CLOSED", message: "the store is closed" });
    }
    this.#store.health.assertSound();
    return this.#store;
  }

  #readerFor(key: Uint8Array | string): RecordReader {
    const store = this.#readable();
    checkKey(key, store.options.maxKeyBytes);
    return store.reader;
  }

  #writable(): Store {
    if (this.#closing !== undefined) {
      throw new BitcaskError({
        code: "BITCASK_CLOSED",
        message: "the store is closed",
        outcome: "not-applied",
      });
    }
    if (this.#store.isReadOnly) {
      throw new BitcaskError({
        code: "BITCASK_READ_ONLY",
        message: "the store is open for reading only",
        outcome: "not-applied",
      });
    }
    this.#store.health.assertSound();
    return this.#store;
  }

  #syncMode(options: WriteOptions | undefined): SyncMode {
    const mode = options?.sync;
    if (mode === undefined) return this.#store.options.sync;
    checkSyncMode(mode);
    return mode;
  }

  #putRecord(
    key: Uint8Array | string,
    value: Uint8Array | string,
    options: PutOptions | undefined,
  ): QueuedRecord {
    const limits = this.#store.options;
    checkKey(key, limits.maxKeyBytes);
    checkValue(value, limits.maxValueBytes);
    return { key, value, expiresAt: options === undefined ? 0 : this.#expiry(options) };
  }

  #batchRecords(operations: readonly BatchOperation[]): QueuedRecord[] {
    const { maxKeyBytes, maxBatchBytes } = this.#store.options;
    const records: QueuedRecord[] = [];
    let bytes = 0;
    for (const operation of operations) {
      let record: QueuedRecord;
      if (operation.type === "put") {
        record = this.#putRecord(operation.key, operation.value, operation);
      } else if (operation.type === "delete") {
        checkKey(operation.key, maxKeyBytes);
        record = { key: operation.key, value: undefined, expiresAt: 0 };
      } else {
        throw new TypeError(`a batch operation is a "put" or a "delete"`);
      }
      records.push(record);
      bytes += mostBytes(record.key) + mostBytes(record.value);
    }
    // A string may take up to three bytes for each of its units: counted exactly when that matters.
    const overhead = records.length * (RECORD_HEADER_BYTES + EXPIRY_BYTES);
    if (bytes + overhead > maxBatchBytes && plainBytes(records) > maxBatchBytes) {
      throw new BitcaskError({
        code: "BITCASK_BATCH_TOO_LARGE",
        message: `the batch exceeds maxBatchBytes (${maxBatchBytes}); split it or raise the option`,
        outcome: "not-applied",
      });
    }
    return records;
  }

  /** Absolute expiry in ms, 0 for never. */
  #expiry({ ttlMs, expiresAtMs }: PutOptions): number {
    if (ttlMs === undefined && expiresAtMs === undefined) return 0;
    if (ttlMs !== undefined && expiresAtMs !== undefined) {
      throw new TypeError("give ttlMs or expiresAtMs, not both");
    }
    const expiresAt = expiresAtMs ?? this.#store.now.now() + this.#checkedTtl(ttlMs ?? 0);
    if (!Number.isSafeInteger(expiresAt) || expiresAt < 1) {
      throw new RangeError(`expiry must be an integer of at least 1 ms: ${expiresAt}`);
    }
    return expiresAt;
  }

  #checkedTtl(ttlMs: number): number {
    if (!Number.isSafeInteger(ttlMs) || ttlMs < 1) {
      throw new RangeError(`ttlMs must be a positive integer: ${ttlMs}`);
    }
    return ttlMs;
  }
}

function checkDirectory(directory: unknown): void {
  if (typeof directory !== "string" || directory === "") {
    throw new TypeError("directory must be a non-empty string");
  }
}
