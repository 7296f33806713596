/** The key-value layer's engine over Bitcask. */
import {
  Bitcask,
  type BitcaskOptions,
  type Clock,
  isBitcaskError,
  type OpenReport,
} from "@titan/bitcask";
import type { Settings } from "./config/settings.js";
import {
  type Engine,
  type EngineRange,
  type EngineStats,
  type EngineWrite,
  type StoredRecord,
  ViewGone,
} from "./kv/engine.js";
import { KEYSPACE_PREFIX_BYTES } from "./kv/keyspace.js";
import { MAX_KEY_BYTES } from "./kv/limits.js";
import { STORED_VALUE_HEADER_BYTES } from "./kv/stored-value.js";
import { toNodeError } from "./open-failure.js";
import type { StorePorts } from "./store-ports.js";

/** The store's directory within the data directory, which may come to hold others. */
const STORE_DIRECTORY = "store";
/** Bytes that a record of a batch takes on disk beside key and value; an upper bound. */
const RECORD_OVERHEAD_BYTES = 64;

/**
 * Opens the store under `settings.dataDir`.
 * @returns the engine, and what opening found, for the log
 * @throws NodeError
 */
export async function openEngine(
  settings: Settings,
  ports: StorePorts,
): Promise<{ readonly engine: Engine; readonly report: object }> {
  const options: BitcaskOptions = {
    sync: settings.sync,
    syncIntervalMs: settings.syncInterval,
    maxKeyBytes: MAX_KEY_BYTES + KEYSPACE_PREFIX_BYTES,
    maxValueBytes: settings.maxValueBytes + STORED_VALUE_HEADER_BYTES,
    maxBatchBytes:
      settings.maxBatchBytes + (settings.maxBatchOperations + 1) * RECORD_OVERHEAD_BYTES,
    ports,
  };
  try {
    const directory = ports.fileSystem.join(settings.dataDir, STORE_DIRECTORY);
    const db = await Bitcask.open(directory, options);
    return { engine: new BitcaskEngine(db, ports.clock), report: toLogFields(db.stats().open) };
  } catch (error) {
    throw toNodeError(error, settings.dataDir) ?? error;
  }
}

class BitcaskEngine implements Engine {
  readonly #db: Bitcask;
  readonly #clock: Clock;
  #nowMs = 0;

  constructor(db: Bitcask, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  read(key: Uint8Array): StoredRecord | undefined {
    return this.#db.getEntrySync(key);
  }

  async write(write: EngineWrite): Promise<void> {
    if (write.type === "delete") await this.#db.delete(write.key);
    else await this.#db.put(write.key, write.value, ttlOf(write));
  }

  async writeDurably(write: EngineWrite): Promise<void> {
    await this.#db.batch([write], { sync: "always" });
  }

  writeAll(writes: readonly EngineWrite[]): Promise<void> {
    return this.#db.batch(writes);
  }

  async *scan({
    from,
    afterFrom,
    to,
    reverse,
  }: EngineRange): AsyncGenerator<readonly [Uint8Array, StoredRecord], void, undefined> {
    const lower = afterFrom ? { gt: from } : { gte: from };
    try {
      for await (const entry of this.#db.entries({ ...lower, lt: to, reverse })) {
        yield [entry.key, entry];
      }
    } catch (error) {
      if (!isBitcaskError(error) || error.code !== "BITCASK_SNAPSHOT_GONE") throw error;
      throw new ViewGone(error.message, { cause: error });
    }
  }

  nowMs(): number {
    this.#nowMs = Math.max(this.#nowMs, Math.floor(this.#clock.wallMs()));
    return this.#nowMs;
  }

  stats(): EngineStats {
    const { keys, liveBytes, deadBytes, files } = this.#db.stats();
    return { keys, liveBytes, deadBytes, dataFiles: files.length };
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

function ttlOf({ ttlMs }: { readonly ttlMs?: number }): { readonly ttlMs: number } | undefined {
  return ttlMs === undefined ? undefined : { ttlMs };
}

/** What an operator wants to know of an opening; clean ones say little. */
function toLogFields(report: OpenReport): object {
  const { tornTail, ignoredHints, removedFiles, staleLockTakenOver } = report;
  return {
    ...(tornTail && { tornTail }),
    ...(ignoredHints.length > 0 && { ignoredHints }),
    ...(removedFiles.length > 0 && { removedFiles }),
    ...(staleLockTakenOver && { staleLockTakenOver }),
  };
}
