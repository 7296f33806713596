/**
 * Values that were read lately, off the JavaScript heap, bounded in bytes, by S3-FIFO (Yang et al.,
 * SOSP 2023): what is new goes into a small queue and reaches the main one only when it is read again
 * before it leaves, or comes back soon after; so one long scan, or many keys read once, push out
 * nothing that is in use.
 *
 * ```
 * column     record number of the keydir → address of its entry, 0 for none   (4 bytes per record)
 * segment    entries back to back, each a multiple of 8 bytes:
 *            u32 record number · u32 value size, reads in bits 30–31 · f64 sequence number · value
 * queue      segments, oldest first; the youngest is being filled
 * ```
 * A column instead of a hash table: the keydir has just found the number, so a hit costs no further
 * lookup, and nothing on the heap for the collector to walk.
 *
 * An entry bears its record's sequence number, which no other record of the store ever has: a key that
 * was overwritten, or a record number that was reused, is told by it. Merging changes neither.
 *
 * Invariants: a column's address leads to a live entry that bears the record number; `bytes` is at
 * most `maxBytes`.
 */
import { ByteView } from "./byte-view.js";
import { GhostTable } from "./ghost-table.js";
import type { IdRange } from "./keydir/record-batch.js";
import type { ReadSlab } from "./read-slab.js";

const ENTRY_WORDS = 4;
const READS_SHIFT = 30;
const SIZE_MASK = (1 << READS_SHIFT) - 1;
const MAX_READS = 3;
const COLUMN_BITS = 15;
const COLUMN_MASK = (1 << COLUMN_BITS) - 1;
/** Emptying one, entry by entry, takes a millisecond when values are small. */
const MAX_SEGMENT_BYTES = 1024 * 1024;
const MIN_SEGMENT_BYTES = 64;
/** Beyond it a copy takes as long from here as from the page cache. */
const MAX_VALUE_BYTES = 64 * 1024;
/** Fewer would make the small queue too coarse. */
const MIN_SEGMENTS = 16;
const SMALL_SHARE = 0.1;

/** Where an entry is: its segment and the offset in it, in units of 8 bytes, plus 1. */
type Address = number;

class Segment {
  readonly source: ByteView;
  readonly words: Int32Array;
  readonly numbers: Float64Array;
  readonly index: number;
  /** Words in use. */
  filled = 0;

  constructor(index: number, bytes: number) {
    this.index = index;
    this.source = ByteView.allocate(bytes);
    const { buffer } = this.source.bytes;
    this.words = new Int32Array(buffer, 0, bytes >>> 2);
    this.numbers = new Float64Array(buffer, 0, bytes >>> 3);
  }
}

export class ValueCache {
  private readonly segmentBytes: number;
  private readonly segmentBits: number;
  private readonly maxSegments: number;
  private readonly segments: Segment[] = [];
  private readonly vacant: Segment[] = [];
  // Invariant: neither queue is ever without a segment that is being filled, once it has had one.
  private readonly small: Segment[] = [];
  private readonly main: Segment[] = [];
  private readonly columns: Int32Array[] = [];
  private readonly ghosts: GhostTable;
  hits = 0;
  misses = 0;

  /** @param maxBytes for entries; the column and the ghosts come on top, 4 bytes per record and 1 % */
  constructor(maxBytes: number) {
    let bits = Math.floor(Math.log2(Math.max(maxBytes / MIN_SEGMENTS, MIN_SEGMENT_BYTES)));
    bits = Math.min(bits, Math.log2(MAX_SEGMENT_BYTES));
    this.segmentBytes = 2 ** bits;
    this.segmentBits = bits - 3;
    this.maxSegments = Math.floor(maxBytes / this.segmentBytes);
    this.ghosts = new GhostTable(maxBytes / 512);
  }

  /** Bytes taken now. */
  get bytes(): number {
    return (this.segments.length - this.vacant.length) * this.segmentBytes;
  }

  /**
   * Looks up the value of a record.
   * @param sequence of the version that is wanted
   * @returns its address, valid until the next call that adds; 0 when it is not there
   */
  find(record: number, sequence: number): Address {
    const column = this.columns[record >>> COLUMN_BITS];
    const address = column === undefined ? 0 : (column[record & COLUMN_MASK] as number);
    if (address === 0) {
      this.misses += 1;
      return 0;
    }
    const segment = this.segmentOf(address);
    const at = this.wordOf(address);
    if (segment.numbers[(at >>> 1) + 1] !== sequence) {
      this.misses += 1;
      return 0;
    }
    this.hits += 1;
    const state = segment.words[at + 1] as number;
    if (state >>> READS_SHIFT !== MAX_READS) segment.words[at + 1] = state + (1 << READS_SHIFT);
    return address;
  }

  /** Fetches the entries of records from memory, as `touchRecords` does the records. */
  touch(records: Int32Array, { from, to }: IdRange): number {
    let seen = 0;
    const mask = (this.segmentBytes >>> 2) - 1;
    for (let at = from; at < to; at++) {
      const record = records[at] as number;
      const address = this.columns[record >>> COLUMN_BITS]?.[record & COLUMN_MASK] ?? 0;
      if (address === 0) continue;
      const { words } = this.segmentOf(address);
      const word = this.wordOf(address);
      // A small value lies in two or three cache lines of 16 words.
      seen ^= (words[word] as number) ^ (words[(word + 16) & mask] as number);
      seen ^= words[(word + 28) & mask] as number;
    }
    return seen;
  }

  /** A copy of the value at an address. */
  read(address: Address, slab: ReadSlab): Uint8Array {
    const segment = this.segmentOf(address);
    const at = this.wordOf(address);
    const size = (segment.words[at + 1] as number) & SIZE_MASK;
    return slab.copyOf(segment.source.bytes, segment.words, at + ENTRY_WORDS, size);
  }

  /** Takes a copy of a value that was just read. */
  add(record: number, sequence: number, value: Uint8Array): void {
    if (!this.mayKeep(value.length)) return;
    const queue = this.ghosts.takeOut(record) ? this.main : this.small;
    const segment = this.makeRoom(queue, wordsFor(value.length));
    this.append(segment, record, sequence, value);
  }

  /** As {@link ValueCache.add}, but only where nothing has to go for it. */
  addToFreeRoom(record: number, sequence: number, value: Uint8Array): void {
    const young = this.small.at(-1);
    const isFree =
      this.free > 1 || (young !== undefined && this.fits(young, wordsFor(value.length)));
    if (isFree) this.add(record, sequence, value);
  }

  /**
   * Puts the value of a newer version in the place of the one that is cached, if there is one of the
   * same size: what is read often stays a hit when it is written.
   */
  replace(record: number, sequence: number, value: Uint8Array): void {
    const address = this.columns[record >>> COLUMN_BITS]?.[record & COLUMN_MASK] ?? 0;
    if (address === 0) return;
    const segment = this.segmentOf(address);
    const at = this.wordOf(address);
    if (((segment.words[at + 1] as number) & SIZE_MASK) !== value.length) return;
    segment.numbers[(at >>> 1) + 1] = sequence;
    segment.source.bytes.set(value, 4 * (at + ENTRY_WORDS));
  }

  /** Whether a record has an entry, of whatever version. */
  has(record: number): boolean {
    return (this.columns[record >>> COLUMN_BITS]?.[record & COLUMN_MASK] ?? 0) !== 0;
  }

  private segmentOf(address: Address): Segment {
    return this.segments[(address - 1) >>> this.segmentBits] as Segment;
  }

  /** Index of an entry's first word in its segment. */
  private wordOf(address: Address): number {
    return ((address - 1) & ((1 << this.segmentBits) - 1)) << 1;
  }

  private mayKeep(valueBytes: number): boolean {
    return (
      valueBytes <= MAX_VALUE_BYTES &&
      4 * wordsFor(valueBytes) <= this.segmentBytes &&
      this.maxSegments >= MIN_SEGMENTS
    );
  }

  /** Segments in no queue. Invariant: at least one outside of `evict`, for what survives there. */
  private get free(): number {
    return this.vacant.length + this.maxSegments - this.segments.length;
  }

  private fits(segment: Segment, words: number): boolean {
    return 4 * (segment.filled + words) <= this.segmentBytes;
  }

  /** The segment of a queue to append to; makes room by pushing out what is old. */
  private makeRoom(queue: Segment[], words: number): Segment {
    for (;;) {
      const young = queue.at(-1);
      if (young !== undefined && this.fits(young, words)) return young;
      if (this.free > 1) return this.nextSegment(queue);
      this.evict();
    }
  }

  private nextSegment(queue: Segment[]): Segment {
    let segment = this.vacant.pop();
    if (segment === undefined) {
      if (this.segments.length >= this.maxSegments) throw new Error("assertion: no segment left");
      segment = new Segment(this.segments.length, this.segmentBytes);
      this.segments.push(segment);
    }
    queue.push(segment);
    return segment;
  }

  private append(segment: Segment, record: number, sequence: number, value: Uint8Array): void {
    const at = segment.filled;
    segment.words[at] = record;
    segment.words[at + 1] = value.length;
    segment.numbers[(at >>> 1) + 1] = sequence;
    segment.source.bytes.set(value, 4 * (at + ENTRY_WORDS));
    segment.filled += wordsFor(value.length);
    this.point(record, segment, at);
  }

  private point(record: number, { index }: Segment, at: number): void {
    while (this.columns.length <= record >>> COLUMN_BITS) {
      this.columns.push(new Int32Array(1 << COLUMN_BITS));
    }
    const column = this.columns[record >>> COLUMN_BITS] as Int32Array;
    column[record & COLUMN_MASK] = ((index << this.segmentBits) | (at >>> 1)) + 1;
  }

  /** Empties the oldest segment of the queue that has more than its share. */
  private evict(): void {
    const isSmall = this.small.length > 1 && this.small.length > this.maxSegments * SMALL_SHARE;
    const queue = isSmall || this.main.length === 0 ? this.small : this.main;
    const segment = queue.shift();
    if (segment === undefined) throw new Error("assertion: nothing to evict");
    let at = 0;
    while (at < segment.filled) {
      const size = (segment.words[at + 1] as number) & SIZE_MASK;
      this.release(segment, at, queue === this.small);
      at += wordsFor(size);
    }
    segment.filled = 0;
    this.vacant.push(segment);
  }

  /** Lets an entry go, or moves it to the youngest of the main queue when it was read. */
  private release(segment: Segment, at: number, isSmall: boolean): void {
    const record = segment.words[at] as number;
    const column = this.columns[record >>> COLUMN_BITS] as Int32Array;
    const slot = record & COLUMN_MASK;
    const address = ((segment.index << this.segmentBits) | (at >>> 1)) + 1;
    // Another version of the record has come since, or another record under its number.
    if (column[slot] !== address) return;
    const state = segment.words[at + 1] as number;
    const reads = state >>> READS_SHIFT;
    if (reads === 0) {
      column[slot] = 0;
      if (isSmall) this.ghosts.add(record);
      return;
    }
    const words = wordsFor(state & SIZE_MASK);
    const young = this.main.at(-1);
    const target =
      young !== undefined && this.fits(young, words) ? young : this.nextSegment(this.main);
    const to = target.filled;
    target.words.set(segment.words.subarray(at, at + words), to);
    // Those of the small queue begin anew; each turn in the main one takes a read away.
    const left = isSmall ? 0 : reads - 1;
    target.words[to + 1] = (state & SIZE_MASK) | (left << READS_SHIFT);
    target.filled += words;
    this.point(record, target, to);
  }
}

/** Words of an entry, in pairs. */
function wordsFor(valueBytes: number): number {
  return ENTRY_WORDS + (((valueBytes + 7) >>> 3) << 1);
}
