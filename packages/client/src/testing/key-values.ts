/** Entries as answers have them. */
import type { GetResponse, KeyValue } from "@titan/proto";
import type { StoredEntry } from "./key-table.js";

const NO_BYTES = new Uint8Array(0);

/** Milliseconds left to live: at least 1 while the entry is there. */
function ttlOf(expiresAtMs: number | undefined, nowMs: number): number | undefined {
  return expiresAtMs === undefined ? undefined : Math.max(1, expiresAtMs - nowMs);
}

export function toKeyValue(
  { key, value, revision, expiresAtMs }: Omit<StoredEntry, "shard">,
  nowMs: number,
  keysOnly = false,
): KeyValue {
  return { key, value: keysOnly ? NO_BYTES : value, revision, ttlMs: ttlOf(expiresAtMs, nowMs) };
}

/** The answer to a get. */
export function toFound(
  entry: Omit<StoredEntry, "key" | "shard"> | undefined,
  from: { readonly shard: number; readonly shardRevision: number },
  nowMs: number,
): GetResponse {
  if (entry === undefined) {
    return { found: false, value: NO_BYTES, revision: 0, ttlMs: undefined, ...from };
  }
  const { value, revision, expiresAtMs } = entry;
  return { found: true, value, revision, ttlMs: ttlOf(expiresAtMs, nowMs), ...from };
}
