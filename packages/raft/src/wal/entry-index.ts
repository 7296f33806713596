/**
 * Where each entry of one group is: five 32-bit words per entry, off the JavaScript heap.
 *
 *     0  segment; 0 says "a hole": only while a log is being read, where a copy of the entry may
 *        stand further on than its successors
 *     1  offset of the entry in the segment
 *     2  bytes of the entry there
 *     3  term, low word
 *     4  term, high word
 *
 * Invariant: slots are those of the indexes `[first, first + count)`.
 */

const WORDS = 5;
const MIN_CAPACITY = 4;
const TWO_TO_32 = 2 ** 32;
/** A jump between two entries of one group past which something must be wrong. */
const MAX_HOLE_ENTRIES = 2 ** 24;

/** Place of one entry. */
export interface EntryPlace {
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Told of every entry that leaves the index. */
export type OnDropped = (segment: number, bytes: number) => void;

const EMPTY = new Uint32Array(0);

export class EntryIndex {
  #words: Uint32Array = EMPTY;
  /** Slot of the first entry in `#words`. */
  #head = 0;
  #first = 0;
  #count = 0;

  /** Index of the first entry; meaningless when {@link EntryIndex.count} is 0. */
  get first(): number {
    return this.#first;
  }

  get count(): number {
    return this.#count;
  }

  /** Index after the last entry. */
  get end(): number {
    return this.#first + this.#count;
  }

  /** Bytes of memory that the slots take. */
  get memoryBytes(): number {
    return this.#words.byteLength;
  }

  has(index: number): boolean {
    return this.segmentAt(index) !== 0;
  }

  /** 0 for a hole and outside. */
  segmentAt(index: number): number {
    if (index < this.#first || index >= this.end) return 0;
    return this.#words[this.#slot(index)] ?? 0;
  }

  /** @returns undefined for a hole and outside */
  placeAt(index: number): EntryPlace | undefined {
    const segment = this.segmentAt(index);
    if (segment === 0) return undefined;
    const slot = this.#slot(index);
    return { segment, offset: this.#words[slot + 1] ?? 0, bytes: this.#words[slot + 2] ?? 0 };
  }

  bytesAt(index: number): number {
    return this.#words[this.#slot(index) + 2] ?? 0;
  }

  /** @returns undefined for a hole and outside */
  termAt(index: number): number | undefined {
    if (this.segmentAt(index) === 0) return undefined;
    const slot = this.#slot(index);
    return (this.#words[slot + 4] ?? 0) * TWO_TO_32 + (this.#words[slot + 3] ?? 0);
  }

  /**
   * Notes where entry `index` is now. Slots between it and the others become holes.
   * @returns false when the distance is absurd; nothing has changed then
   */
  set(index: number, term: number, place: EntryPlace): boolean {
    if (!this.#cover(index)) return false;
    const slot = this.#slot(index);
    this.#words[slot] = place.segment;
    this.#words[slot + 1] = place.offset;
    this.#words[slot + 2] = place.bytes;
    this.#words[slot + 3] = term % TWO_TO_32;
    this.#words[slot + 4] = Math.floor(term / TWO_TO_32);
    return true;
  }

  /** Drops the entries from `index` on. */
  dropFrom(index: number, onDropped: OnDropped): void {
    const from = Math.max(index, this.#first);
    for (let at = from; at < this.end; at += 1) this.#tell(at, onDropped);
    if (from < this.end) this.#count = from - this.#first;
    this.#shrink();
  }

  /** Drops the entries up to and including `index`. */
  dropThrough(index: number, onDropped: OnDropped): void {
    const upTo = Math.min(index + 1, this.end);
    for (let at = this.#first; at < upTo; at += 1) this.#tell(at, onDropped);
    if (upTo <= this.#first) return;
    this.#head += upTo - this.#first;
    this.#count -= upTo - this.#first;
    this.#first = upTo;
    this.#shrink();
  }

  /** Gives back memory that the entries do not need, but for some room to grow. */
  trim(): void {
    if (this.#count === 0) this.#words = EMPTY;
    else if (roomFor(this.#count) * WORDS < this.#words.length) this.#move(this.#count, 0);
  }

  /** The holes in `[from, end)`, as half-open ranges. */
  *holes(from: number): Generator<readonly [number, number]> {
    let begin: number | undefined;
    for (let at = from; at < this.end; at += 1) {
      if (!this.has(at)) begin ??= at;
      else if (begin !== undefined) {
        yield [begin, at];
        begin = undefined;
      }
    }
    if (begin !== undefined) yield [begin, this.end];
  }

  #slot(index: number): number {
    return (this.#head + index - this.#first) * WORDS;
  }

  #tell(index: number, onDropped: OnDropped): void {
    const segment = this.segmentAt(index);
    if (segment !== 0) onDropped(segment, this.bytesAt(index));
  }

  #cover(index: number): boolean {
    if (this.#count === 0) {
      this.#first = index;
      this.#head = 0;
    }
    const before = Math.max(0, this.#first - index);
    const after = Math.max(0, index + 1 - this.end);
    if (before > MAX_HOLE_ENTRIES || after > MAX_HOLE_ENTRIES) return false;
    if (before === 0 && after === 0) return true;
    const needed = before + this.#count + after;
    const from = this.#head - before;
    if (from < 0 || (from + needed) * WORDS > this.#words.length) this.#move(needed, before);
    else this.#head = from;
    this.#first -= before;
    this.#count = needed;
    this.#clear(this.#first, this.#first + before);
    this.#clear(this.end - after, this.end);
    return true;
  }

  /** Freed slots keep their words until they are used again: make holes of them. */
  #clear(from: number, to: number): void {
    if (from < to) this.#words.fill(0, this.#slot(from), this.#slot(to));
  }

  /** Copies the slots to an array with room for `needed`, `before` free ones in front. */
  #move(needed: number, before: number): void {
    const used = this.#head * WORDS;
    const slots = this.#words.subarray(used, used + this.#count * WORDS);
    const words = new Uint32Array(roomFor(needed) * WORDS);
    words.set(slots, before * WORDS);
    this.#words = words;
    this.#head = 0;
  }

  #shrink(): void {
    if (this.#count === 0) {
      this.#words = this.#words.length > MIN_CAPACITY * WORDS ? EMPTY : this.#words;
      this.#head = 0;
      return;
    }
    const capacity = this.#words.length / WORDS;
    // An eighth, not a half: a log that is compacted and refilled must not copy back and forth.
    if (capacity > MIN_CAPACITY && this.#count * 8 < capacity) this.#move(this.#count, 0);
  }
}

/** A quarter to spare: a log that slides on must not be copied for every few entries. */
function roomFor(count: number): number {
  const needed = Math.ceil(count * 1.25);
  let capacity = MIN_CAPACITY;
  while (capacity < needed) capacity *= 2;
  return capacity;
}
