/** Pages of a range over all shards, in key order: the shards' pages are fetched in parallel and merged. */
import type { ScanEntry, ScanPage, ScanRequest } from "../kv/scan-request.js";
import { encodeCursor, toShardRange } from "./scan-range.js";
import { type FetchPage, ShardCursor } from "./shard-cursor.js";

/** An entry with its shard's clock when it was read. */
export interface MergedEntry extends ScanEntry {
  readonly nowMs: number;
}

export interface MergedPage extends ScanPage {
  readonly entries: readonly MergedEntry[];
}

export interface MergeLimits {
  readonly pageKeys: number;
  readonly pageBytes: number;
}

const NOTHING = new Uint8Array(0);
/** Bytes that an entry takes in a page beside its key and value; an upper bound. */
const ENTRY_OVERHEAD_BYTES = 32;

/**
 * The pages of a range; at least one, which may be empty. A page ends at `pageKeys` keys or when it has reached
 * `pageBytes`, so a single entry may exceed that. The generator ends in one of three ways: behind a page without a
 * cursor, behind the page that reaches the request's limit, or by throwing.
 * @param fetchers one for each shard
 * @throws KvError `FIELD_INVALID` (range, cursor) at the call
 */
export function mergeScan(
  request: ScanRequest,
  fetchers: readonly FetchPage[],
  limits: MergeLimits,
): AsyncGenerator<MergedPage, void, undefined> {
  const range = toShardRange(request);
  if (range === undefined) return onePage();
  return pagesOf(request, () => fetchers.map((fetch) => new ShardCursor(range, fetch)), limits);
}

async function* onePage(): AsyncGenerator<MergedPage, void, undefined> {
  yield { entries: [], cursor: NOTHING };
}

async function* pagesOf(
  request: ScanRequest,
  open: () => readonly ShardCursor[],
  { pageKeys, pageBytes }: MergeLimits,
): AsyncGenerator<MergedPage, void, undefined> {
  const { reverse } = request;
  const heap = new CursorHeap(reverse);
  const cursors = open();
  await Promise.all(cursors.map((cursor) => cursor.fill()));
  for (const cursor of cursors) heap.add(cursor);
  let left = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  let entries: MergedEntry[] = [];
  let bytes = 0;
  for (let cursor = heap.first; cursor !== undefined; cursor = heap.first) {
    const { entry, nowMs } = cursor;
    if (entry === undefined) throw new Error("assertion: a cursor in the heap has an entry");
    // A page is sent only when a further key is known, so that the last page can say that it is.
    const last = entries.at(-1);
    if (last !== undefined && (entries.length >= pageKeys || bytes >= pageBytes || left === 0)) {
      yield { entries, cursor: encodeCursor(last.key, reverse) };
      if (left === 0) return;
      entries = [];
      bytes = 0;
      await nextTurn();
    }
    entries.push({ ...entry, nowMs });
    bytes += entry.key.length + entry.value.length + ENTRY_OVERHEAD_BYTES;
    left -= 1;
    cursor.advance();
    if (cursor.isWaiting) await cursor.fill();
    heap.settleFirst();
  }
  yield { entries, cursor: NOTHING };
}

/** A long scan of what is at hand never waits; without this it would keep all others waiting. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Cursors that have an entry, the one whose entry comes first on top. */
class CursorHeap {
  readonly #reverse: boolean;
  readonly #cursors: ShardCursor[] = [];

  constructor(reverse: boolean) {
    this.#reverse = reverse;
  }

  get first(): ShardCursor | undefined {
    return this.#cursors[0];
  }

  /** Passes over one without an entry. */
  add(cursor: ShardCursor): void {
    if (cursor.entry === undefined) return;
    let at = this.#cursors.push(cursor) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Puts the first into its place anew, after it has moved on; one at its end goes. */
  settleFirst(): void {
    if (this.first?.entry === undefined) {
      const last = this.#cursors.pop();
      if (last === undefined || this.#cursors.length === 0) return;
      this.#cursors[0] = last;
    }
    let at = 0;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#cursors.length && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const left = this.#cursors[a]?.entry?.key ?? NOTHING;
    const right = this.#cursors[b]?.entry?.key ?? NOTHING;
    const order = Buffer.compare(left, right);
    return this.#reverse ? order > 0 : order < 0;
  }

  #swap(a: number, b: number): void {
    const [left, right] = [this.#cursors[a], this.#cursors[b]];
    if (left === undefined || right === undefined) return;
    this.#cursors[a] = right;
    this.#cursors[b] = left;
  }
}
