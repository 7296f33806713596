/** Pages of a range of keys. Each is of one moment; a cursor is the last key of its page. */
import type { KeyValue, ScanRequest, ScanResponse } from "@titan/proto";
import { keyBehind, spanOf } from "./key-range.js";
import type { KeySpan } from "./key-table.js";
import { toKeyValue } from "./key-values.js";
import type { MemoryState } from "./memory-writes.js";

/** As a node that was not told otherwise. */
const PAGE_KEYS = 1000;
const PAGE_BYTES = 64 * 1024;
const ENTRY_OVERHEAD_BYTES = 32;
const NO_BYTES = new Uint8Array(0);

/** The page behind `cursor`. It has no cursor itself when the range holds no further key. */
export function scanPage(
  { store, keyspaces }: MemoryState,
  request: ScanRequest,
  { cursor, limit }: { readonly cursor: Uint8Array; readonly limit: number },
): ScanResponse {
  const { number } = keyspaces.get(request.keyspace);
  const span = spanOf(request.range);
  if (span === undefined) return { entries: [], cursor: NO_BYTES };
  const rest = restOf(span, cursor, request.reverse);
  const most = Math.min(
    limit || Number.POSITIVE_INFINITY,
    request.pageSize || PAGE_KEYS,
    PAGE_KEYS,
  );
  const nowMs = store.nowMs();
  const entries: KeyValue[] = [];
  let bytes = 0;
  for (const stored of store.table(number).within(rest, request.reverse)) {
    const last = entries.at(-1);
    const isFull = entries.length >= most || bytes >= PAGE_BYTES;
    if (last !== undefined && isFull) return { entries, cursor: last.key };
    const entry = toKeyValue(stored, nowMs, request.keysOnly);
    entries.push(entry);
    bytes += entry.key.length + entry.value.length + ENTRY_OVERHEAD_BYTES;
  }
  return { entries, cursor: NO_BYTES };
}

function restOf(span: KeySpan, cursor: Uint8Array, isReverse: boolean): KeySpan {
  if (cursor.length === 0) return span;
  return isReverse ? { ...span, to: cursor } : { ...span, from: keyBehind(cursor) };
}
