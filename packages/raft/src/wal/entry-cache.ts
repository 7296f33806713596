/**
 * The newest entries of all groups, in memory, within a bound of bytes. What was written first leaves
 * first: followers read the end of a log, and whoever is further behind reads the disk.
 *
 * Invariant: `#bytes` is the sum over all tails; each tail is contiguous.
 */

import type { Entry } from "../core/entry.js";

/** Memory that an entry takes beside its data: the object, its buffer, and the slots in lists. */
const OVERHEAD_BYTES = 200;
/** Marks for eviction kept at most; beyond, the oldest is spent early. */
const MAX_MARKS = 65_536;

/** The cached end of one group's log. Owned by the group, filled and emptied by the cache. */
export class CachedTail {
  /** @internal Slots before `head` are free. */
  entries: (Entry | undefined)[] = [];
  /** @internal */
  head = 0;

  get(index: number): Entry | undefined {
    const first = this.entries[this.head];
    return first === undefined || index < first.index
      ? undefined
      : this.entries[this.head + index - first.index];
  }
}

interface Mark {
  readonly tail: CachedTail;
  /** Entries up to this index go with the mark. */
  readonly through: number;
}

export class EntryCache {
  readonly #maxBytes: number;
  #bytes = 0;
  #marks: (Mark | undefined)[] = [];
  #nextMark = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds entries that follow the tail, after {@link EntryCache.dropFrom} of the first one's index. */
  append(tail: CachedTail, entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last === undefined || this.#maxBytes === 0) return;
    const before = tail.entries.at(-1);
    if (before !== undefined && before.index + 1 !== entries[0]?.index) this.clear(tail);
    for (const entry of entries) {
      tail.entries.push(entry);
      this.#bytes += cost(entry);
    }
    this.#marks.push({ tail, through: last.index });
    while (this.#bytes > this.#maxBytes || this.#marks.length - this.#nextMark > MAX_MARKS) {
      this.#evict();
    }
  }

  dropFrom(tail: CachedTail, index: number): void {
    for (let last = tail.entries.at(-1); last !== undefined && last.index >= index; ) {
      tail.entries.pop();
      this.#bytes -= cost(last);
      last = tail.entries.length > tail.head ? tail.entries.at(-1) : undefined;
    }
    this.#tidy(tail);
  }

  dropThrough(tail: CachedTail, index: number): void {
    for (let first = tail.entries[tail.head]; first !== undefined && first.index <= index; ) {
      tail.entries[tail.head] = undefined;
      tail.head += 1;
      this.#bytes -= cost(first);
      first = tail.entries[tail.head];
    }
    this.#tidy(tail);
  }

  clear(tail: CachedTail): void {
    this.dropFrom(tail, 0);
  }

  #evict(): void {
    const mark = this.#marks[this.#nextMark];
    if (mark === undefined) return;
    this.#marks[this.#nextMark] = undefined;
    this.#nextMark += 1;
    if (this.#nextMark > 1024 && this.#nextMark * 2 > this.#marks.length) {
      this.#marks = this.#marks.slice(this.#nextMark);
      this.#nextMark = 0;
    }
    // After a truncation a mark may stand for newer entries of the same indexes: they go early.
    this.dropThrough(mark.tail, mark.through);
  }

  #tidy(tail: CachedTail): void {
    if (tail.head === tail.entries.length) {
      tail.entries = [];
      tail.head = 0;
    } else if (tail.head > 64 && tail.head * 2 > tail.entries.length) {
      tail.entries = tail.entries.slice(tail.head);
      tail.head = 0;
    }
  }
}

function cost(entry: Entry): number {
  return OVERHEAD_BYTES + entry.data.length;
}
