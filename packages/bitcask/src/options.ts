/**
 * Settings of a store. Defaults live in one constant; `resolveOptions` checks everything once, so
 * that no inner code meets an optional or a nonsense value.
 */
import { type Codec } from "./compression/codec.js";
import {
  type CompressionOptions,
  checkCodec,
  ValuePacker,
  ValueUnpacker,
} from "./compression/value-packer.js";
import { checkEncryption, type EncryptionOptions } from "./encryption/encryption-options.js";
import type { BitcaskObserver } from "./events.js";
import { NodeFileSystem } from "./node-file-system.js";
import { NodeProcessTable } from "./node-process-table.js";
import type { Clock, FileSystem, ProcessTable, Random } from "./ports.js";
import type { RecordEncoding } from "./record-buffer.js";
import type { OpenProgress } from "./stats.js";
import { SystemClock } from "./system-clock.js";
import { SystemRandom } from "./system-random.js";

/**
 * When a write is acknowledged.
 * - `"always"`: after an fdatasync, shared by concurrent writers. Survives a power cut.
 * - `"interval"`: once in the page cache; synced within `syncIntervalMs`. Survives `kill -9`.
 * - `"never"`: once in the page cache; synced by {@link Bitcask.sync}, file rotation and `close()`.
 */
export type SyncMode = "always" | "interval" | "never";

/** The outside world. Every part has a real implementation as its default. */
export interface BitcaskPorts {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly processes: ProcessTable;
}

export interface BitcaskOptions {
  /** When writes are acknowledged, unless a write says otherwise. @default "always" */
  readonly sync?: SyncMode | undefined;
  /** Longest time that an `"interval"` write stays unsynced, in ms. @default 100 */
  readonly syncIntervalMs?: number | undefined;
  /** Creates directory and store when they are missing. @default true */
  readonly createIfMissing?: boolean | undefined;
  /** Opens without a lock and changes nothing; writes are refused with `BITCASK_READ_ONLY`. See
   *  {@link Bitcask.openReadOnly}. @default false */
  readonly readOnly?: boolean | undefined;
  /** Bytes at which the active data file is sealed and a new one begun. A larger batch or value gets
   *  a file of its own. Smaller files make finer merges. @default 268_435_456 (256 MiB) */
  readonly dataFileMaxBytes?: number | undefined;
  /** Largest key in bytes, at most 131,071. @default 65_535 */
  readonly maxKeyBytes?: number | undefined;
  /** Largest value in bytes, at most 1 GiB. @default 67_108_864 (64 MiB) */
  readonly maxValueBytes?: number | undefined;
  /** Largest batch in bytes on disk, at most 1.5 GiB. @default 134_217_728 (128 MiB) */
  readonly maxBatchBytes?: number | undefined;
  /** Bytes of unwritten records above which further writes wait. A larger write is let in alone.
   *  @default 67_108_864 (64 MiB) */
  readonly maxQueuedBytes?: number | undefined;
  /** Bytes of the writes that wait beyond `maxQueuedBytes`, above which `BITCASK_OVERLOADED` refuses. A
   *  larger write waits alone. @default 268_435_456 (256 MiB) */
  readonly maxWaitingBytes?: number | undefined;
  /** Writes waiting at once, beyond which `BITCASK_OVERLOADED` refuses. @default 1_000_000 */
  readonly maxQueuedWrites?: number | undefined;
  /** Descriptors of data files held open; the least recently read is closed. @default 256 */
  readonly maxOpenFiles?: number | undefined;
  /** Keeps an order over keys, for scans. Without it `entries`, `keys` and `values` are refused, and
   *  fresh keys, deletions and some memory (6 bytes per key) cost less. @default true */
  readonly ordered?: boolean | undefined;
  /** Bytes of memory that the index of keys may take, 4 MiB or more: some 64 per key, and its own bytes
   *  beyond 16. Fresh keys beyond are refused with `BITCASK_INDEX_FULL`; so is opening a store that
   *  needs a quarter more. Growing tables may pass it for a moment. @default Infinity */
  readonly maxKeydirBytes?: number | undefined;
  /** Bytes of memory for values of up to 64 KiB that were read lately, each with 20 more; up to 4 GiB.
   *  Beside them 4 bytes per key of the store. A tenth of the data serves most reads when some keys are
   *  read more than others. A scan pushes nothing out. @default 0 (none: the operating system caches pages) */
  readonly valueCacheBytes?: number | undefined;
  /** Writes an image of the index when a store of 16,384 keys or more is closed, some 60 bytes per key,
   *  which the next opening reads, in a tenth of the time that hint files take, and the first write removes.
   *  @default true */
  readonly indexImage?: boolean | undefined;
  /** Told how far opening has come, after each data file or each megabyte of an image. @default nobody */
  readonly onOpenProgress?: ((progress: OpenProgress) => void) | undefined;
  /** Checks the CRC of every record read. @default true */
  readonly verifyChecksums?: boolean | undefined;
  /** Merges in the background when a file crosses `mergeDeadFraction`. @default true */
  readonly autoMerge?: boolean | undefined;
  /** Share of dead bytes, in (0, 1], at which a sealed file is merged in the background. Files with half
   *  as much go along. @default 0.5 */
  readonly mergeDeadFraction?: number | undefined;
  /** Dead bytes at which a sealed file is merged whatever their share. @default 134_217_728 (128 MiB) */
  readonly mergeDeadBytes?: number | undefined;
  /** Eight sealed files smaller than this, and than an eighth of `dataFileMaxBytes`, are merged into one;
   *  0: never. @default 10_485_760 (10 MiB) */
  readonly mergeSmallFileBytes?: number | undefined;
  /** Bytes that merges in the background read per second; a quarter of it while writes go on. Does not
   *  hold while there is more to reclaim than live data and two data files. @default 67_108_864 (64 MiB) */
  readonly mergeBytesPerSecond?: number | undefined;
  /** Told what goes on in the background; see {@link BitcaskEvent}. */
  readonly onEvent?: BitcaskObserver | undefined;
  /** Encrypts keys and values. Files written before stay as they are until a merge rewrites them.
   *  @default nothing is encrypted */
  readonly encryption?: EncryptionOptions | undefined;
  /** Compresses values where it pays; those written before stay as they are. @default nothing is */
  readonly compression?: CompressionOptions | undefined;
  /** Codecs of your own that values in the store may have been compressed with. Those of this package
   *  and the one in `compression` need not be named. @default none */
  readonly codecs?: readonly Codec[] | undefined;
  /** Replacements for disk, clock, dice and process table. @default the real ones */
  readonly ports?: Partial<BitcaskPorts> | undefined;
}

/** Settings that only this package's own tests change. */
export interface InternalOptions extends BitcaskOptions {
  /** Keys from which on closing writes an image of the index: fewer are read from hints, or records,
   *  as fast. @default 16_384 */
  readonly minImagedKeys?: number | undefined;
}

/** Options of one write. */
export interface WriteOptions {
  /** @default the store's `sync` */
  readonly sync?: SyncMode | undefined;
}

export interface PutOptions extends WriteOptions {
  /** Milliseconds until the key counts as absent; a positive integer. @default never */
  readonly ttlMs?: number | undefined;
  /** As `ttlMs`, as an absolute time in ms since the Unix epoch. Not both. A time that has passed
   *  stores a key that is already absent. @default never */
  readonly expiresAtMs?: number | undefined;
}

/** Bounds and order of a scan. Bounds may be combined; all must hold. */
export interface ScanOptions {
  readonly prefix?: Uint8Array | string | undefined;
  readonly gt?: Uint8Array | string | undefined;
  readonly gte?: Uint8Array | string | undefined;
  readonly lt?: Uint8Array | string | undefined;
  readonly lte?: Uint8Array | string | undefined;
  /** Descending instead of ascending byte order. @default false */
  readonly reverse?: boolean | undefined;
  /** Most entries yielded, 0 or more. @default no limit */
  readonly limit?: number | undefined;
}

export type BatchOperation =
  | {
      readonly type: "put";
      readonly key: Uint8Array | string;
      readonly value: Uint8Array | string;
      /** As {@link PutOptions.ttlMs}. */
      readonly ttlMs?: number | undefined;
      /** As {@link PutOptions.expiresAtMs}. */
      readonly expiresAtMs?: number | undefined;
    }
  | { readonly type: "delete"; readonly key: Uint8Array | string };

/** Options with every default filled in. */
export interface ResolvedOptions extends BitcaskPorts {
  readonly sync: SyncMode;
  readonly syncIntervalMs: number;
  readonly createIfMissing: boolean;
  readonly readOnly: boolean;
  readonly dataFileMaxBytes: number;
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
  readonly maxBatchBytes: number;
  readonly maxQueuedBytes: number;
  readonly maxWaitingBytes: number;
  readonly maxQueuedWrites: number;
  readonly maxOpenFiles: number;
  readonly ordered: boolean;
  readonly maxKeydirBytes: number;
  readonly valueCacheBytes: number;
  readonly indexImage: boolean;
  readonly minImagedKeys: number;
  readonly onOpenProgress: (progress: OpenProgress) => void;
  readonly verifyChecksums: boolean;
  readonly autoMerge: boolean;
  readonly mergeDeadFraction: number;
  readonly mergeDeadBytes: number;
  readonly mergeSmallFileBytes: number;
  readonly mergeBytesPerSecond: number;
  readonly onEvent: BitcaskObserver | undefined;
  readonly encryption: EncryptionOptions | undefined;
  readonly encoding: RecordEncoding;
  readonly unpacker: ValueUnpacker;
}

const MIB = 1024 * 1024;
const MIN_KEYDIR_BYTES = 4 * MIB;

const DEFAULTS = {
  sync: "always" as SyncMode,
  syncIntervalMs: 100,
  createIfMissing: true,
  readOnly: false,
  dataFileMaxBytes: 256 * MIB,
  maxKeyBytes: 65_535,
  maxValueBytes: 64 * MIB,
  maxBatchBytes: 128 * MIB,
  maxQueuedBytes: 64 * MIB,
  maxWaitingBytes: 256 * MIB,
  maxQueuedWrites: 1_000_000,
  maxOpenFiles: 256,
  ordered: true,
  maxKeydirBytes: Number.POSITIVE_INFINITY,
  valueCacheBytes: 0,
  indexImage: true,
  minImagedKeys: 16_384,
  onOpenProgress: () => undefined,
  verifyChecksums: true,
  autoMerge: true,
  mergeDeadFraction: 0.5,
  mergeDeadBytes: 128 * MIB,
  mergeSmallFileBytes: 10 * MIB,
  mergeBytesPerSecond: 64 * MIB,
};

/** Options that are objects or functions, with checks of their own. */
const SEPARATE = new Set(["ports", "encryption", "compression", "codecs", "onEvent"]);

const INTEGER_RANGES: Readonly<Record<string, readonly [number, number]>> = {
  syncIntervalMs: [1, 86_400_000],
  dataFileMaxBytes: [256, 2 ** 40],
  maxKeyBytes: [1, 131_071],
  maxValueBytes: [0, 1024 * MIB],
  maxBatchBytes: [1, 1536 * MIB],
  maxQueuedBytes: [1, 1024 * MIB],
  maxWaitingBytes: [1, 2 ** 40],
  maxQueuedWrites: [1, 2 ** 31],
  maxOpenFiles: [1, 1_000_000],
  minImagedKeys: [0, 2 ** 31],
  valueCacheBytes: [0, 4096 * MIB],
  mergeDeadBytes: [1, 2 ** 50],
  mergeSmallFileBytes: [0, 2 ** 40],
  mergeBytesPerSecond: [1024, 2 ** 40],
};

/**
 * Fills in defaults and refuses what makes no sense.
 * @throws TypeError for an unknown option or a wrong type, RangeError for a number out of range
 */
export function resolveOptions(options: InternalOptions = {}): ResolvedOptions {
  const merged: Record<string, unknown> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(options)) {
    if (SEPARATE.has(name) || value === undefined) continue;
    if (!(name in DEFAULTS)) throw new TypeError(`unknown option: ${name}`);
    const expected = typeof DEFAULTS[name as keyof typeof DEFAULTS];
    if (typeof value !== expected) {
      throw new TypeError(`option ${name} must be a ${expected}, got ${typeof value}`);
    }
    merged[name] = value;
  }
  for (const [name, [lowest, highest]] of Object.entries(INTEGER_RANGES)) {
    const value = merged[name] as number;
    if (!Number.isSafeInteger(value) || value < lowest || value > highest) {
      throw new RangeError(
        `option ${name} must be an integer from ${lowest} to ${highest}: ${value}`,
      );
    }
  }
  const resolved = merged as unknown as Omit<
    ResolvedOptions,
    keyof BitcaskPorts | "encryption" | "encoding" | "unpacker" | "onEvent"
  >;
  checkSyncMode(resolved.sync);
  if (!(resolved.maxKeydirBytes >= MIN_KEYDIR_BYTES)) {
    throw new RangeError(
      `option maxKeydirBytes must be at least ${MIN_KEYDIR_BYTES}: ${resolved.maxKeydirBytes}`,
    );
  }
  if (!(resolved.mergeDeadFraction > 0 && resolved.mergeDeadFraction <= 1)) {
    throw new RangeError(
      `option mergeDeadFraction must be in (0, 1]: ${resolved.mergeDeadFraction}`,
    );
  }
  const { onEvent } = options;
  if (onEvent !== undefined && typeof onEvent !== "function") {
    throw new TypeError(`option onEvent must be a function, got ${typeof onEvent}`);
  }
  return { ...resolved, onEvent, ...resolveEncoding(options), ...resolvePorts(options.ports) };
}

function resolveEncoding({
  encryption,
  compression,
  codecs = [],
}: BitcaskOptions): Pick<ResolvedOptions, "encryption" | "encoding" | "unpacker"> {
  if (encryption !== undefined) checkEncryption(encryption);
  if (compression !== undefined) checkCodec(compression?.codec, "compression.codec");
  if (!Array.isArray(codecs)) throw new TypeError("option codecs must be an array");
  for (const codec of codecs) checkCodec(codec, "an entry of codecs");
  const packer = compression && new ValuePacker(compression);
  return {
    encryption,
    encoding: { packer, isEncrypted: encryption !== undefined },
    unpacker: new ValueUnpacker(compression ? [...codecs, compression.codec] : codecs),
  };
}

/** @throws TypeError when `mode` is not a {@link SyncMode} */
export function checkSyncMode(mode: unknown): asserts mode is SyncMode {
  if (mode !== "always" && mode !== "interval" && mode !== "never") {
    throw new TypeError(`sync must be "always", "interval" or "never": ${String(mode)}`);
  }
}

function resolvePorts(ports: Partial<BitcaskPorts> = {}): BitcaskPorts {
  return {
    fileSystem: ports.fileSystem ?? new NodeFileSystem(),
    clock: ports.clock ?? new SystemClock(),
    random: ports.random ?? new SystemRandom(),
    processes: ports.processes ?? new NodeProcessTable(),
  };
}
