/** Reads of the state of a shard's replica as it is. */
import { type Bitcask, isBitcaskError } from "@titan/bitcask";
import { fromStoreKey, toStoreKey } from "../kv/keyspace.js";
import { KvError } from "../kv/kv-error.js";
import { toRevision } from "../kv/revision.js";
import type { ScanEntry } from "../kv/scan-request.js";
import type { ReadEntry } from "./shard-command.js";
import type { ShardMachine } from "./shard-machine.js";
import type { ShardPage, ShardRange } from "./shard-replica.js";
import { decodeStoredRecord } from "./stored-record.js";

const NOTHING = new Uint8Array(0);
/** Bytes that an entry takes in a page beside its key and value; an upper bound. */
const ENTRY_OVERHEAD_BYTES = 32;
/** Entries, and bytes, that are read at once; then others have their turn. */
const SLICE_ENTRIES = 256;
const SLICE_BYTES = 512 * 1024;

/** What keys hold now, all as of the same moment. */
export function readKeys(
  machine: ShardMachine,
  keyspace: number,
  keys: readonly Uint8Array[],
): ReadEntry[] {
  const { db, nowMs } = machine;
  const shardRevision = toRevision(machine.appliedIndex);
  return keys.map((key) => {
    const stored = db.getSync(toStoreKey(keyspace, key));
    if (stored === undefined) return { entry: undefined, nowMs, shardRevision };
    const entry = decodeStoredRecord(stored);
    const isExpired = entry.expiresAtMs !== undefined && entry.expiresAtMs <= nowMs;
    return { entry: isExpired ? undefined : entry, nowMs, shardRevision };
  });
}

/**
 * A page of a range, from one state of the shard.
 * @param pause between two slices of a long page
 * @throws KvError `OVERLOADED` when the state was replaced, or overwritten too fast, meanwhile
 */
export async function readPage(
  machine: ShardMachine,
  range: ShardRange,
  page: { readonly maxKeys: number; readonly maxBytes: number; readonly keysOnly: boolean },
  pause: () => Promise<void>,
): Promise<ShardPage> {
  const { db, nowMs } = machine;
  const shardRevision = toRevision(machine.appliedIndex);
  const entries: ScanEntry[] = [];
  let bytes = 0;
  let slice = { entries: 0, bytes: 0 };
  const rows = rowsOf(db, range);
  try {
    for (const { key: storeKey, value: stored } of rows) {
      slice.entries += 1;
      slice.bytes += stored.length;
      const { value, revision, expiresAtMs } = decodeStoredRecord(stored);
      if (expiresAtMs === undefined || expiresAtMs > nowMs) {
        if (entries.length >= page.maxKeys || (bytes >= page.maxBytes && entries.length > 0)) {
          return { entries, isMore: true, nowMs, shardRevision };
        }
        const key = fromStoreKey(storeKey);
        entries.push({ key, value: page.keysOnly ? NOTHING : value, revision, expiresAtMs });
        bytes += key.length + (page.keysOnly ? 0 : value.length) + ENTRY_OVERHEAD_BYTES;
      }
      if (slice.entries < SLICE_ENTRIES && slice.bytes < SLICE_BYTES) continue;
      slice = { entries: 0, bytes: 0 };
      await pause();
    }
  } catch (error) {
    throw toPageError(error);
  }
  return { entries, isMore: false, nowMs, shardRevision };
}

function rowsOf(db: Bitcask, { keyspace, from, afterFrom, to, reverse }: ShardRange) {
  const first = toStoreKey(keyspace, from);
  const lower = afterFrom ? { gt: first } : { gte: first };
  const end = to.length > 0 ? toStoreKey(keyspace, to) : toStoreKey(keyspace + 1, NOTHING);
  return db.entriesSync({ ...lower, lt: end, reverse });
}

function toPageError(error: unknown): unknown {
  if (!isBitcaskError(error)) return error;
  const isGone = error.code === "BITCASK_SNAPSHOT_GONE" || error.code === "BITCASK_CLOSED";
  if (!isGone) return error;
  const message = "the shard's state was replaced while it was read; scan again";
  return new KvError({ code: "OVERLOADED", message }, { cause: error });
}
