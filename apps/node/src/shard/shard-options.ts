/** Settings of a shard's replica. */
import type { BitcaskOptions, BitcaskPorts } from "@titan/bitcask";
import { KEYSPACE_PREFIX_BYTES } from "../kv/keyspace.js";
import { MAX_KEY_BYTES } from "../kv/limits.js";
import type { HistoryLimits } from "./change-history.js";
import { STORED_RECORD_HEADER_BYTES } from "./stored-record.js";
import { EXPIRY_KEY_OVERHEAD_BYTES } from "./system-keys.js";

const MIB = 1024 * 1024;

export interface ShardOptions {
  /** Largest value of a user. The same as, or more than, what nodes admit. @default 67_108_864 (64 MiB) */
  readonly maxValueBytes?: number;
  /** Changes that are kept for watches. @default 16_384, and 4 MiB of keys and values */
  readonly history?: HistoryLimits;
  /** Bytes at which what commands have written goes to the store before the next one runs. @default 8_388_608 (8 MiB) */
  readonly flushBytes?: number;
  /** Of Bitcask. @default 67_108_864 (64 MiB) */
  readonly dataFileMaxBytes?: number;
  /** Of Bitcask. @default 0 */
  readonly valueCacheBytes?: number;
  /** Descriptors of data files that the replica holds open. @default 32 */
  readonly maxOpenFiles?: number;
}

export type ResolvedShardOptions = Required<ShardOptions>;

const DEFAULTS: ResolvedShardOptions = {
  maxValueBytes: 64 * MIB,
  history: { changes: 16_384, bytes: 4 * MIB },
  flushBytes: 8 * MIB,
  dataFileMaxBytes: 64 * MIB,
  valueCacheBytes: 0,
  maxOpenFiles: 32,
};

export function resolveShardOptions(options: ShardOptions = {}): ResolvedShardOptions {
  return { ...DEFAULTS, ...options };
}

/** Settings of the shard's store. */
export function storeOptions(options: ResolvedShardOptions, ports: BitcaskPorts): BitcaskOptions {
  return {
    sync: "never",
    maxKeyBytes: MAX_KEY_BYTES + KEYSPACE_PREFIX_BYTES + EXPIRY_KEY_OVERHEAD_BYTES,
    maxValueBytes: options.maxValueBytes + STORED_RECORD_HEADER_BYTES,
    maxBatchBytes: MAX_STORE_BATCH_BYTES,
    dataFileMaxBytes: options.dataFileMaxBytes,
    valueCacheBytes: options.valueCacheBytes,
    maxOpenFiles: options.maxOpenFiles,
    ports,
  };
}

/** A batch is at most `flushBytes` and what one command adds; that is bounded by the size of an entry of the log. */
const MAX_STORE_BATCH_BYTES = 1024 * MIB;
