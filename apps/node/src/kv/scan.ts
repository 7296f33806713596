/**
 * Ranges of keys, page by page.
 *
 * A cursor is opaque to callers: byte 0 is its version, 1; byte 1 the direction, 0 forward or 1 reverse;
 * then the last key of the page. The next page begins behind that key.
 */
import { type Engine, type EngineRange, type StoredRecord, ViewGone } from "./engine.js";
import { fromStoreKey, toStoreKey } from "./keyspace.js";
import { invalidField, KvError } from "./kv-error.js";
import { type KvLimits, MAX_KEY_BYTES } from "./limits.js";
import type { Entry } from "./pending-writes.js";
import { decodeStoredValue } from "./stored-value.js";

/** Which keys, and how. Empty byte strings and zeros mean "not set". */
export interface ScanRequest {
  readonly keyspace: number;
  readonly prefix: Uint8Array;
  /** First key, included. */
  readonly start: Uint8Array;
  /** End, not included. */
  readonly end: Uint8Array;
  readonly reverse: boolean;
  /** Keys to stop after. */
  readonly limit: number;
  readonly keysOnly: boolean;
  /** Of an earlier page of the same range and direction. */
  readonly cursor: Uint8Array;
  /** Keys per page at most. */
  readonly pageSize: number;
}

/** One key of a page. The value is empty when only keys were asked for. */
export interface ScanEntry extends Entry {
  readonly key: Uint8Array;
}

/** One page. `cursor` is empty when the range holds no further key. */
export interface ScanPage {
  readonly entries: readonly ScanEntry[];
  readonly cursor: Uint8Array;
}

/** Calls back once, after `delayMs` or more; the result cancels that. A clock of the store is one. */
export interface Timer {
  schedule(delayMs: number, callback: () => void): () => void;
}

/** What a scan reads from. */
export interface ScanSources {
  readonly engine: Engine;
  readonly timer: Timer;
}

/**
 * A view keeps merged files on disk. A client that asks for no page for so long loses its view, and goes
 * on from a new one where it stopped; nothing else changes for it.
 */
export const VIEW_IDLE_MS = 10_000;

const CURSOR_VERSION = 1;
const CURSOR_HEADER_BYTES = 2;
const NOTHING = new Uint8Array(0);
/** Bytes that an entry takes in a page beside its key and value; an upper bound. */
const ENTRY_OVERHEAD_BYTES = 32;

/**
 * The pages of a range; at least one, which may be empty. A page ends at `pageSize` keys or when it has
 * reached the limit in bytes, so a single entry may exceed that. The generator ends in one of three ways:
 * behind a page without a cursor, behind the page that reaches `limit`, or by throwing.
 * @throws KvError `FIELD_INVALID` (range, cursor) at the call
 */
export function scanPages(
  sources: ScanSources,
  request: ScanRequest,
  limits: KvLimits,
): AsyncGenerator<ScanPage, void, undefined> {
  const range = toEngineRange(request);
  const pageKeys =
    request.pageSize > 0 ? Math.min(request.pageSize, limits.scanPageKeys) : limits.scanPageKeys;
  const left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  const progress = { request, pageKeys, pageBytes: limits.scanPageBytes, left };
  return pagesOf(sources, range, progress);
}

/** A scan under way. */
interface Progress {
  readonly request: ScanRequest;
  readonly pageKeys: number;
  readonly pageBytes: number;
  /** Keys that may still be sent. */
  left: number;
}

async function* pagesOf(
  sources: ScanSources,
  range: EngineRange | undefined,
  progress: Progress,
): AsyncGenerator<ScanPage, void, undefined> {
  let rest = range;
  while (rest !== undefined) {
    const end = yield* pagesOfOneView(sources, rest, progress);
    if (end === "over") return;
    rest = behind(rest, toStoreKey(progress.request.keyspace, end.viewLostBehind));
  }
  yield { entries: [], cursor: NOTHING };
}

/**
 * Pages from one view of the store. Each page is from one view.
 * @returns `"over"` when the scan has its last page; otherwise the view was lost behind this key: let go of
 *   because nobody asked for the next page, or given up by the engine
 * @throws KvError `OVERLOADED` when the view was given up before it gave anything
 */
async function* pagesOfOneView(
  { engine, timer }: ScanSources,
  range: EngineRange,
  progress: Progress,
): AsyncGenerator<ScanPage, "over" | { readonly viewLostBehind: Uint8Array }, undefined> {
  const { request, pageKeys, pageBytes } = progress;
  const view = engine.scan(range);
  let entries: ScanEntry[] = [];
  let bytes = 0;
  let lastKey: Uint8Array | undefined;
  let isReleased = false;
  try {
    for await (const [storeKey, record] of view) {
      // A page is sent only when a further key is known, so that the last page can say that it is.
      if (entries.length >= pageKeys || bytes >= pageBytes || progress.left === 0) {
        const cancel = timer.schedule(VIEW_IDLE_MS, () => {
          isReleased = true;
          // It only frees memory and files; a failure would show at the next page.
          view.return?.().catch(() => undefined);
        });
        try {
          yield { entries, cursor: encodeCursor(entries, request.reverse) };
        } finally {
          cancel();
        }
        if (progress.left === 0) return "over";
        if (isReleased) return { viewLostBehind: lastKeyOf(entries) };
        entries = [];
        bytes = 0;
        await nextTurn();
      }
      const entry = toScanEntry(storeKey, record, request.keysOnly);
      entries.push(entry);
      bytes += entry.key.length + entry.value.length + ENTRY_OVERHEAD_BYTES;
      progress.left -= 1;
      lastKey = entry.key;
    }
  } catch (error) {
    if (!(error instanceof ViewGone)) throw error;
    if (lastKey === undefined) throw overwrittenTooFast(error);
    if (entries.length > 0) yield { entries, cursor: encodeCursor(entries, request.reverse) };
    return progress.left === 0 ? "over" : { viewLostBehind: lastKey };
  }
  yield { entries, cursor: NOTHING };
  return "over";
}

function toScanEntry(storeKey: Uint8Array, record: StoredRecord, keysOnly: boolean): ScanEntry {
  const { revision, value } = decodeStoredValue(record.value);
  return {
    key: fromStoreKey(storeKey),
    value: keysOnly ? NOTHING : value,
    revision,
    expiresAtMs: record.expiresAtMs,
  };
}

/** Going on would be a loop without progress. */
function overwrittenTooFast(cause: ViewGone): KvError {
  const message = "keys are overwritten faster than they can be read; scan later, or less at once";
  return new KvError({ code: "OVERLOADED", message }, { cause });
}

/** What is left of `range` in its direction behind `lastKey`, a stored key; `undefined`: nothing can be. */
function behind(range: EngineRange, lastKey: Uint8Array): EngineRange | undefined {
  const { from, to, reverse } = range;
  if (!reverse) return { from: lastKey, afterFrom: true, to, reverse };
  return Buffer.compare(from, lastKey) < 0 ? { ...range, to: lastKey } : undefined;
}

/** A long scan of cached data never waits for the disk; without this it would keep all others waiting. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Bounds on stored keys; `undefined` when no key can be within. */
function toEngineRange(request: ScanRequest): EngineRange | undefined {
  const { prefix, start, end, keyspace, reverse } = request;
  for (const [field, bytes] of [
    ["range.prefix", prefix],
    ["range.start", start],
    ["range.end", end],
  ] as const) {
    if (bytes.length > MAX_KEY_BYTES + 1) throw invalidField(field, "longer than any key can be");
  }
  const from = toStoreKey(keyspace, later(prefix, start));
  const ends = [successor(toStoreKey(keyspace, prefix))];
  if (end.length > 0) ends.push(toStoreKey(keyspace, end));
  const to = ends.reduce((a, b) => (Buffer.compare(a, b) <= 0 ? a : b));
  const range = { from, afterFrom: false, to, reverse };
  if (Buffer.compare(from, to) >= 0) return undefined;
  if (request.cursor.length === 0) return range;
  const last = toStoreKey(keyspace, decodeCursor(request.cursor, reverse));
  const isWithin = Buffer.compare(last, from) >= 0 && Buffer.compare(last, to) < 0;
  if (!isWithin) throw invalidField("cursor", "belongs to another range");
  return behind(range, last);
}

function later(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Buffer.compare(a, b) >= 0 ? a : b;
}

/** The smallest byte string greater than every one that begins with `prefix`. */
function successor(prefix: Buffer): Buffer {
  // The keyspace number is far below 0xffff, so some byte can always be raised.
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  if (length === 0) throw new Error("a stored key begins with a keyspace number below 0xffff");
  const next = Buffer.from(prefix.subarray(0, length));
  next[length - 1] = (next[length - 1] ?? 0) + 1;
  return next;
}

/** Of a page that is full, so that it holds one. */
function lastKeyOf(entries: readonly ScanEntry[]): Uint8Array {
  const last = entries.at(-1);
  if (last === undefined) throw new Error("assertion: a page with a cursor holds a key");
  return last.key;
}

function encodeCursor(entries: readonly ScanEntry[], reverse: boolean): Uint8Array {
  const last = lastKeyOf(entries);
  const cursor = Buffer.allocUnsafe(CURSOR_HEADER_BYTES + last.length);
  cursor[0] = CURSOR_VERSION;
  cursor[1] = reverse ? 1 : 0;
  cursor.set(last, CURSOR_HEADER_BYTES);
  return cursor;
}

function decodeCursor(cursor: Uint8Array, reverse: boolean): Uint8Array {
  const key = cursor.subarray(CURSOR_HEADER_BYTES);
  if (cursor[0] !== CURSOR_VERSION || key.length === 0 || key.length > MAX_KEY_BYTES) {
    throw invalidField("cursor", "is not one that this server gave");
  }
  if (cursor[1] !== (reverse ? 1 : 0)) {
    throw invalidField("cursor", "belongs to a scan in the other direction");
  }
  return key;
}
