import { type AbstractChainedBatch, AbstractLevel } from "abstract-level";
import type { Bitcask } from "../bitcask.js";
import type { MergeResult } from "../merge.js";
import type { BatchOperation } from "../options.js";
import type { BitcaskStats } from "../stats.js";
import { deleteRange } from "./delete-range.js";
import {
  BitcaskIterator,
  BitcaskKeyIterator,
  BitcaskValueIterator,
  type IteratorRequest,
} from "./iterators.js";
import { KeyBounds, type LevelRange, toScanOptions } from "./key-bounds.js";
import { BitcaskLevelError, toLevelError } from "./level-error.js";
import {
  type BitcaskLevelBatchOperation,
  type BitcaskLevelBatchOptions,
  type BitcaskLevelDelOptions,
  type BitcaskLevelOptions,
  type BitcaskLevelPutOptions,
  type OpenRequest,
  toOpenRequest,
  toPutOptions,
  toSyncMode,
} from "./level-options.js";
import { BitcaskLevelSnapshot, type SnapshotRequest, sourceOf } from "./level-snapshot.js";
import { openLevelStore } from "./open-store.js";
import { SnapshotScan } from "./snapshot-scan.js";
import { type LevelKey, toStoredKey } from "./stored-key.js";
import { inFormat, type LevelFormat } from "./value-format.js";

/** What the database can do, for abstract-level and for plugins that ask. */
const MANIFEST = {
  encodings: { utf8: true, buffer: true, view: true },
  has: true,
  getSync: true,
  permanence: true,
  createIfMissing: true,
  errorIfExists: true,
  implicitSnapshots: true,
  explicitSnapshots: true,
  signals: { iterators: true },
  additionalMethods: { sync: true, merge: true, stats: true },
};

interface ReadRequest extends SnapshotRequest {
  readonly valueEncoding: LevelFormat;
}

interface WriteRequest {
  readonly sync?: unknown;
  readonly ttlMs?: unknown;
}

type LevelOperation = WriteRequest &
  (
    | { readonly type: "put"; readonly key: LevelKey; readonly value: LevelKey }
    | { readonly type: "del"; readonly key: LevelKey }
  );

interface ClearRequest extends LevelRange, WriteRequest, SnapshotRequest {
  /** -1 for none. */
  readonly limit: number;
}

/**
 * A Bitcask store as an abstract-level database. Everything of that interface works: sublevels,
 * hooks, events, encodings and explicit snapshots (`db.snapshot()`) included.
 *
 * Batches are atomic, also across a crash. Iterators see the database as it was when they were made,
 * seeks included. Writes take the store's durability (`"always"` unless `sync` says otherwise) or
 * their own by `{ sync }`. Errors have abstract-level's codes, the store's error as `cause` and, for
 * writes, `outcome`.
 */
export class BitcaskLevel<KDefault = string, VDefault = string> extends AbstractLevel<
  string | Buffer | Uint8Array,
  KDefault,
  VDefault
> {
  readonly #location: string;
  #store: Bitcask | undefined;
  #request: OpenRequest | undefined;

  /**
   * Opens by itself, right after the constructor; operations until then wait.
   * @param location the store's directory
   * @throws TypeError when `location` is not a non-empty string
   */
  constructor(location: string, options?: BitcaskLevelOptions<KDefault, VDefault>) {
    if (typeof location !== "string" || location === "") {
      throw new TypeError("location must be a non-empty string");
    }
    super(MANIFEST, options);
    this.#location = location;
  }

  /** The directory, as given to the constructor. */
  get location(): string {
    return this.#location;
  }

  override put(key: KDefault, value: VDefault): Promise<void>;
  override put<K = KDefault, V = VDefault>(
    key: K,
    value: V,
    options: BitcaskLevelPutOptions<K, V>,
  ): Promise<void>;
  override put(
    key: KDefault,
    value: VDefault,
    options: BitcaskLevelPutOptions<KDefault, VDefault> = {},
  ): Promise<void> {
    return super.put(key, value, options);
  }

  override del(key: KDefault): Promise<void>;
  override del<K = KDefault>(key: K, options: BitcaskLevelDelOptions<K>): Promise<void>;
  override del(key: KDefault, options: BitcaskLevelDelOptions<KDefault> = {}): Promise<void> {
    return super.del(key, options);
  }

  override batch(
    operations: Array<BitcaskLevelBatchOperation<this, KDefault, VDefault>>,
  ): Promise<void>;
  override batch<K = KDefault, V = VDefault>(
    operations: Array<BitcaskLevelBatchOperation<this, K, V>>,
    options: BitcaskLevelBatchOptions<K, V>,
  ): Promise<void>;
  override batch(): AbstractChainedBatch<this, KDefault, VDefault>;
  override batch(
    ...args: [] | [Array<BitcaskLevelBatchOperation<this, KDefault, VDefault>>, object?]
  ): Promise<void> | AbstractChainedBatch<this, KDefault, VDefault> {
    // The number of arguments matters to abstract-level, even when they are undefined.
    return args.length === 0 ? super.batch() : super.batch(args[0], args[1] ?? {});
  }

  /** Resolves once every write that resolved before the call is on stable storage. */
  async sync(): Promise<void> {
    if (this.status === "opening") return this.deferAsync(() => this.sync());
    return this.#reading((store) => store.sync());
  }

  /** Reclaims dead bytes now instead of in the background; see `Bitcask.merge`. */
  async merge(): Promise<MergeResult> {
    if (this.status === "opening") return this.deferAsync(() => this.merge());
    return this.#reading((store) => store.merge());
  }

  /** The store's figures of this moment. @throws BitcaskLevelError `LEVEL_DATABASE_NOT_OPEN` */
  stats(): BitcaskStats {
    return this.#opened().stats();
  }

  protected async _open(options: Readonly<Record<string, unknown>>): Promise<void> {
    this.#request = toOpenRequest(options);
    this.#store = await openLevelStore(this.#location, this.#request);
  }

  protected async _close(): Promise<void> {
    const store = this.#opened();
    this.#store = undefined;
    try {
      await store.close();
    } catch (error) {
      throw toLevelError(error);
    }
  }

  protected _get(key: LevelKey, options: ReadRequest): Promise<string | Uint8Array | undefined> {
    return this.#reading(async (store) => {
      const value = await sourceOf(store, options).get(toStoredKey(key));
      return value && inFormat(value, options.valueEncoding);
    });
  }

  protected _getSync(key: LevelKey, options: ReadRequest): string | Uint8Array | undefined {
    try {
      const value = sourceOf(this.#opened(), options).getSync(toStoredKey(key));
      return value && inFormat(value, options.valueEncoding);
    } catch (error) {
      throw toLevelError(error);
    }
  }

  protected _getMany(
    keys: readonly LevelKey[],
    options: ReadRequest,
  ): Promise<Array<string | Uint8Array | undefined>> {
    return this.#reading(async (store) => {
      const values = await sourceOf(store, options).getMany(keys.map(toStoredKey));
      return values.map((value) => value && inFormat(value, options.valueEncoding));
    });
  }

  protected _has(key: LevelKey, options: SnapshotRequest): Promise<boolean> {
    return this.#reading(async (store) => sourceOf(store, options).has(toStoredKey(key)));
  }

  protected _hasMany(keys: readonly LevelKey[], options: SnapshotRequest): Promise<boolean[]> {
    return this.#reading(async (store) => {
      const source = sourceOf(store, options);
      return keys.map((key) => source.has(toStoredKey(key)));
    });
  }

  protected _snapshot(options: object): BitcaskLevelSnapshot {
    try {
      return new BitcaskLevelSnapshot(options, this.#opened().snapshot());
    } catch (error) {
      throw toLevelError(error);
    }
  }

  protected _put(key: LevelKey, value: LevelKey, options: WriteRequest): Promise<void> {
    return this.#writing((store) => store.put(toStoredKey(key), value, toPutOptions(options)));
  }

  protected _del(key: LevelKey, options: WriteRequest): Promise<void> {
    return this.#writing(async (store) => {
      await store.delete(toStoredKey(key), { sync: toSyncMode(options.sync) });
    });
  }

  protected _batch(operations: readonly LevelOperation[], options: WriteRequest): Promise<void> {
    return this.#writing((store) =>
      store.batch(operations.map(toBatchOperation), { sync: toSyncMode(options.sync) }),
    );
  }

  protected _clear(options: ClearRequest): Promise<void> {
    const limit = options.limit < 0 ? undefined : options.limit;
    return this.#writing((store) =>
      deleteRange(store, sourceOf(store, options).keys({ ...toScanOptions(options), limit }), {
        sync: toSyncMode(options.sync),
        maxBatchBytes: this.#request?.store.maxBatchBytes,
      }),
    );
  }

  protected _iterator(request: IteratorRequest): BitcaskIterator<KDefault, VDefault> {
    return new BitcaskIterator(this, this.#scanParts(request, request.values !== false));
  }

  protected _keys(request: IteratorRequest): BitcaskKeyIterator<KDefault, VDefault> {
    return new BitcaskKeyIterator(this, this.#scanParts(request, false));
  }

  protected _values(request: IteratorRequest): BitcaskValueIterator<KDefault, VDefault> {
    return new BitcaskValueIterator(this, this.#scanParts(request, true));
  }

  #scanParts(request: IteratorRequest, hasValues: boolean) {
    const store = this.#opened();
    try {
      const bounds = new KeyBounds(request);
      const ownsSnapshot = request.snapshot === undefined;
      const snapshot = request.snapshot?.source ?? store.snapshot();
      return { request, scan: new SnapshotScan({ snapshot, ownsSnapshot, bounds, hasValues }) };
    } catch (error) {
      throw toLevelError(error);
    }
  }

  #opened(): Bitcask {
    if (this.#store !== undefined) return this.#store;
    throw new BitcaskLevelError({
      code: "LEVEL_DATABASE_NOT_OPEN",
      message: "the database is not open",
    });
  }

  async #reading<T>(read: (store: Bitcask) => Promise<T>): Promise<T> {
    try {
      return await read(this.#opened());
    } catch (error) {
      throw toLevelError(error);
    }
  }

  async #writing(write: (store: Bitcask) => Promise<void>): Promise<void> {
    try {
      await write(this.#opened());
    } catch (error) {
      throw toLevelError(error);
    }
  }
}

function toBatchOperation(operation: LevelOperation): BatchOperation {
  const key = toStoredKey(operation.key);
  if (operation.type === "del") return { type: "delete", key };
  return { type: "put", key, value: operation.value, ttlMs: operation.ttlMs as number | undefined };
}
