/** What callers of the Level interface may say beyond what abstract-level knows. */
import type {
  AbstractBatchDelOperation,
  AbstractBatchOptions,
  AbstractBatchPutOperation,
  AbstractDatabaseOptions,
  AbstractDelOptions,
  AbstractPutOptions,
} from "abstract-level";
import type { BitcaskOptions, PutOptions, SyncMode } from "../options.js";

/** Options of the constructor: abstract-level's and the store's. */
export interface BitcaskLevelOptions<K, V>
  extends AbstractDatabaseOptions<K, V>,
    Omit<BitcaskOptions, "createIfMissing" | "ordered"> {}

interface Durability {
  /** true: as `"always"`, acknowledged once on stable storage. false: as `"never"`, like LevelDB's
   *  default. @default the store's `sync` */
  readonly sync?: boolean | undefined;
}

interface Expiry {
  /** Milliseconds until the key counts as absent; a positive integer. @default never */
  readonly ttlMs?: number | undefined;
}

export interface BitcaskLevelPutOptions<K, V>
  extends AbstractPutOptions<K, V>,
    Durability,
    Expiry {}
export interface BitcaskLevelDelOptions<K> extends AbstractDelOptions<K>, Durability {}

export type BitcaskLevelBatchOperation<TDatabase, K, V> =
  | (AbstractBatchPutOperation<TDatabase, K, V> & Expiry)
  | AbstractBatchDelOperation<TDatabase, K>;

/** `ttlMs` holds for all puts of the batch that do not bring their own. */
export interface BitcaskLevelBatchOptions<K, V>
  extends AbstractBatchOptions<K, V>,
    Durability,
    Expiry {}

/** The store's mode for Level's `sync`. @throws TypeError when it is no boolean */
export function toSyncMode(sync: unknown): SyncMode | undefined {
  if (sync === undefined) return undefined;
  if (typeof sync !== "boolean") throw new TypeError("sync must be a boolean");
  return sync ? "always" : "never";
}

export function toPutOptions(options: { sync?: unknown; ttlMs?: unknown }): PutOptions | undefined {
  if (options.sync === undefined && options.ttlMs === undefined) return undefined;
  return { sync: toSyncMode(options.sync), ttlMs: options.ttlMs as number | undefined };
}

/** What abstract-level hands to `_open`, taken apart. */
export interface OpenRequest {
  readonly createIfMissing: boolean;
  readonly errorIfExists: boolean;
  readonly store: BitcaskOptions;
}

/** Every option that is the store's own; the compiler knows when one is missing here. */
const STORE_OPTIONS: Readonly<
  Record<keyof Omit<BitcaskOptions, "createIfMissing" | "ordered">, true>
> = {
  sync: true,
  readOnly: true,
  syncIntervalMs: true,
  dataFileMaxBytes: true,
  maxKeyBytes: true,
  maxValueBytes: true,
  maxBatchBytes: true,
  maxQueuedBytes: true,
  maxWaitingBytes: true,
  maxQueuedWrites: true,
  maxOpenFiles: true,
  maxKeydirBytes: true,
  valueCacheBytes: true,
  indexImage: true,
  onOpenProgress: true,
  verifyChecksums: true,
  autoMerge: true,
  mergeDeadFraction: true,
  mergeDeadBytes: true,
  mergeSmallFileBytes: true,
  mergeBytesPerSecond: true,
  onEvent: true,
  encryption: true,
  compression: true,
  codecs: true,
  ports: true,
};

/**
 * Options that nobody here knows are let through, as abstract-level demands: they may be meant for
 * a hook.
 * The store checks its own.
 */
export function toOpenRequest(options: Readonly<Record<string, unknown>>): OpenRequest {
  const { createIfMissing, errorIfExists } = options;
  const known = Object.entries(options).filter(([name]) => name in STORE_OPTIONS);
  return {
    createIfMissing: createIfMissing !== false,
    errorIfExists: errorIfExists === true,
    store: Object.fromEntries(known),
  };
}
