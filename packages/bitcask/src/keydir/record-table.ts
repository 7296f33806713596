/**
 * Fixed-size records of 40 bytes in chunks off the JavaScript heap, addressed by a number that stays
 * the same for the life of the record, so that hash table and order may both hold on to it.
 *
 * ```
 * word 0  sequence, low 32 bits
 * word 1  bits 0–20 sequence, high; 21 key length, bit 16; 22–25 states (below); 26–31 engine flags
 * word 2  file id
 * word 3  position, low 32 bits
 * word 4  bits 0–15 key length, low; 16–31 position, high
 * word 5  size
 * word 6–9  the key: up to 16 bytes in place, zero-padded;
 *           a longer one: its first 12 bytes, then where the rest lies in the suffix arena
 * ```
 * Expiry times lie in a sparse column. Record 0 is never handed out: 0 means "none".
 *
 * Invariant: a record is exactly one of free (on the free list through word 0), the head of a live
 * key, a kept old version (`VersionHistory`), or dead (left the hash, still named by the order).
 */

import { BitcaskError } from "../errors.js";
import type { KeyProbe } from "./key-probe.js";
import { compareWords, type KeyWords } from "./key-words.js";
import type { Location } from "./location.js";
import type { MemoryBudget } from "./memory-budget.js";
import { SparseColumn } from "./sparse-column.js";
import { SuffixArena } from "./suffix-arena.js";
import { bytesOf, type TableReader, type TableWriter } from "./table-image.js";

export const RECORD_WORDS = 10;
export const CHUNK_BITS = 15;
const CHUNK_MASK = (1 << CHUNK_BITS) - 1;
const CHUNK_RECORDS = 1 << CHUNK_BITS;
const RECORD_BYTES = RECORD_WORDS * 4;
/** The first chunk begins small and doubles, so that a store of few keys takes few pages. */
const FIRST_RECORDS = 256;
const MAX_RECORDS = 0x7fff_ffff;

/** The record has an expiry time in the column. */
export const HAS_EXPIRY = 1 << 22;
/** The key is deleted, and a snapshot may still need to know what came before. */
export const TOMBSTONE = 1 << 23;
/** Out of the hash; its number is still listed by the order. */
export const DEAD = 1 << 24;
/** `VersionHistory` keeps older versions of this key. */
export const HAS_HISTORY = 1 << 25;
const FLAGS_SHIFT = 26;
const SEQUENCE_HIGH_MASK = (1 << 21) - 1;
const KEY_LENGTH_HIGH = 1 << 21;
const TWO_32 = 2 ** 32;

export class RecordTable {
  // Invariant: none but the first chunk is ever smaller than CHUNK_RECORDS, and only while it is alone.
  private readonly chunks: Int32Array[] = [];
  private capacity = 0;
  private readonly expiry: SparseColumn;
  private readonly suffixes: SuffixArena;
  private readonly budget: MemoryBudget;
  private freeHead = 0;
  private freeCount = 0;
  /** The next number never handed out. */
  private next = 1;

  constructor(budget: MemoryBudget) {
    this.budget = budget;
    this.expiry = new SparseColumn(CHUNK_BITS, budget);
    this.suffixes = new SuffixArena(budget, (owner, at) => {
      this.chunkOf(owner)[this.baseOf(owner) + 9] = at;
    });
  }

  /** The chunk that holds a record; with {@link baseOf}, the way to its words. */
  chunkOf(id: number): Int32Array {
    return this.chunks[id >>> CHUNK_BITS] as Int32Array;
  }

  baseOf(id: number): number {
    return (id & CHUNK_MASK) * RECORD_WORDS;
  }

  /**
   * Makes sure that `count` records, one of them with a key of `keyBytes`, can be allocated.
   * @throws BitcaskError `BITCASK_INDEX_FULL`
   */
  reserve(count: number, keyBytes: number): void {
    if (keyBytes > 16) this.suffixes.reserve(suffixWords(keyBytes));
    while (this.freeCount + this.capacity - this.next < count) {
      if (this.next + count > MAX_RECORDS) {
        throw new BitcaskError({
          code: "BITCASK_INDEX_FULL",
          message: `the keydir holds its limit of ${MAX_RECORDS} records`,
        });
      }
      this.grow();
    }
  }

  /** Doubles the first chunk until it is whole, then adds whole ones. */
  private grow(): void {
    const isFirst = this.capacity < CHUNK_RECORDS;
    const records = isFirst ? Math.max(this.capacity, FIRST_RECORDS) : CHUNK_RECORDS;
    this.budget.take(records * RECORD_BYTES);
    const chunk = new Int32Array((isFirst ? this.capacity + records : records) * RECORD_WORDS);
    if (isFirst) chunk.set(this.chunks.pop() ?? []);
    this.chunks.push(chunk);
    this.capacity += records;
  }

  /** A record whose words are unspecified. Needs {@link reserve} before. */
  allocate(): number {
    const id = this.freeHead;
    if (id === 0) return this.next++;
    this.freeHead = this.chunkOf(id)[this.baseOf(id)] as number;
    this.freeCount--;
    return id;
  }

  /** Gives back the record; its key suffix too when `ownsKey`. */
  free(id: number, ownsKey: boolean): void {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    if (ownsKey) {
      const length = this.keyLength(id);
      if (length > 16) this.suffixes.free(chunk[base + 9] as number, suffixWords(length));
    }
    chunk[base] = this.freeHead;
    this.freeHead = id;
    this.freeCount++;
  }

  /** Stores the probe's key in a fresh record. The location is to follow. */
  writeKey(id: number, probe: KeyProbe): void {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    const words = probe.words;
    chunk[base + 1] = probe.length & 0x10000 ? KEY_LENGTH_HIGH : 0;
    chunk[base + 4] = probe.length & 0xffff;
    chunk[base + 6] = words[0] as number;
    chunk[base + 7] = words[1] as number;
    chunk[base + 8] = words[2] as number;
    chunk[base + 9] =
      probe.length <= 16
        ? (words[3] as number)
        : this.suffixes.store(id, words, suffixWords(probe.length));
  }

  /** Overwrites the location, clears the tombstone, keeps key and history. */
  writeLocation(id: number, location: Location): void {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    const { sequence, position, expiresAt } = location;
    const old = chunk[base + 1] as number;
    let meta = (old & (KEY_LENGTH_HIGH | HAS_HISTORY)) | Math.floor(sequence / TWO_32);
    meta |= location.flags << FLAGS_SHIFT;
    if (expiresAt !== 0) {
      meta |= HAS_EXPIRY;
      this.expiry.set(id, expiresAt);
    }
    chunk[base] = sequence;
    chunk[base + 1] = meta;
    chunk[base + 2] = location.fileId;
    chunk[base + 3] = position;
    const keyLengthLow = (chunk[base + 4] as number) & 0xffff;
    chunk[base + 4] = (Math.floor(position / TWO_32) << 16) | keyLengthLow;
    chunk[base + 5] = location.size;
    location.record = id;
  }

  /** Turns the record into a deletion with this sequence number; keeps key and history. */
  writeTombstone(id: number, sequence: number): void {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    const kept = (chunk[base + 1] as number) & (KEY_LENGTH_HIGH | HAS_HISTORY);
    chunk[base] = sequence;
    chunk[base + 1] = kept | TOMBSTONE | Math.floor(sequence / TWO_32);
  }

  /** Changes file, position and size only. The caller has checked their ranges. */
  moveTo(id: number, fileId: number, position: number, size: number): void {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    chunk[base + 2] = fileId;
    chunk[base + 3] = position;
    const keyLengthLow = (chunk[base + 4] as number) & 0xffff;
    chunk[base + 4] = (Math.floor(position / TWO_32) << 16) | keyLengthLow;
    chunk[base + 5] = size;
  }

  readLocation(id: number, out: Location): void {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    const meta = chunk[base + 1] as number;
    out.fileId = (chunk[base + 2] as number) >>> 0;
    out.position =
      ((chunk[base + 4] as number) >>> 16) * TWO_32 + ((chunk[base + 3] as number) >>> 0);
    out.size = (chunk[base + 5] as number) >>> 0;
    out.sequence = (meta & SEQUENCE_HIGH_MASK) * TWO_32 + ((chunk[base] as number) >>> 0);
    out.expiresAt = meta & HAS_EXPIRY ? this.expiry.get(id) : 0;
    out.flags = meta >>> FLAGS_SHIFT;
    out.record = id;
  }

  /** Copies everything but the key, for a version that is about to be overwritten. */
  copyLocation(from: number, to: number): void {
    const source = this.chunkOf(from);
    const target = this.chunkOf(to);
    const a = this.baseOf(from);
    const b = this.baseOf(to);
    for (let word = 0; word < 6; word++) target[b + word] = source[a + word] as number;
    if ((source[a + 1] as number) & HAS_EXPIRY) this.expiry.set(to, this.expiry.get(from));
  }

  /** Whether the record lies at this place of this file. */
  isAt(id: number, fileId: number, position: number): boolean {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    return (
      (chunk[base + 2] as number) >>> 0 === fileId &&
      ((chunk[base + 4] as number) >>> 16) * TWO_32 + ((chunk[base + 3] as number) >>> 0) ===
        position
    );
  }

  sequenceOf(id: number): number {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    const high = (chunk[base + 1] as number) & SEQUENCE_HIGH_MASK;
    return high * TWO_32 + ((chunk[base] as number) >>> 0);
  }

  hasState(id: number, state: number): boolean {
    return ((this.chunkOf(id)[this.baseOf(id) + 1] as number) & state) !== 0;
  }

  setState(id: number, state: number): void {
    const chunk = this.chunkOf(id);
    const at = this.baseOf(id) + 1;
    chunk[at] = (chunk[at] as number) | state;
  }

  clearState(id: number, state: number): void {
    const chunk = this.chunkOf(id);
    const at = this.baseOf(id) + 1;
    chunk[at] = (chunk[at] as number) & ~state;
  }

  /** Length of the key in bytes. */
  keyLength(id: number): number {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    const high = (chunk[base + 1] as number) & KEY_LENGTH_HIGH;
    return ((chunk[base + 4] as number) & 0xffff) | (high >>> 5);
  }

  /** Word `index` of the key, big-endian, zero-padded; 0 beyond its end. */
  keyWord(id: number, index: number): number {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    if (index < 3) return chunk[base + 6 + index] as number;
    const length = this.keyLength(id);
    if (length <= 16) return index === 3 ? (chunk[base + 9] as number) : 0;
    if (index >= (length + 3) >>> 2) return 0;
    return this.suffixes.word(chunk[base + 9] as number, index - 3);
  }

  keyEquals(id: number, probe: KeyProbe): boolean {
    const chunk = this.chunkOf(id);
    const base = this.baseOf(id);
    const words = probe.words;
    if (
      chunk[base + 6] !== words[0] ||
      chunk[base + 7] !== words[1] ||
      chunk[base + 8] !== words[2] ||
      this.keyLength(id) !== probe.length
    ) {
      return false;
    }
    if (probe.length <= 16) return chunk[base + 9] === words[3];
    return this.suffixes.equals(chunk[base + 9] as number, words, suffixWords(probe.length));
  }

  /** Negative, zero or positive as the record's key sorts before, with or after `key`. */
  compareTo(id: number, key: KeyWords): number {
    const count = key.wordCount;
    for (let index = 0; index < count; index++) {
      const mine = this.keyWord(id, index);
      const other = key.words[index] as number;
      if (mine !== other) return compareWords(mine, other);
    }
    return this.keyLength(id) - key.length;
  }

  /** Negative, zero or positive as the first record's key sorts before, with or after the second's. */
  compareKeys(a: number, b: number): number {
    const count = (Math.min(this.keyLength(a), this.keyLength(b)) + 3) >>> 2;
    for (let index = 0; index < count; index++) {
      const mine = this.keyWord(a, index);
      const other = this.keyWord(b, index);
      if (mine !== other) return compareWords(mine, other);
    }
    return this.keyLength(a) - this.keyLength(b);
  }

  /** A copy of the record's key. */
  keyWords(id: number): KeyWords {
    const length = this.keyLength(id);
    const wordCount = (length + 3) >>> 2;
    const words = new Int32Array(wordCount);
    for (let index = 0; index < wordCount; index++) words[index] = this.keyWord(id, index);
    return { words, wordCount, length };
  }

  /** Copies the record's key into `into` from `at`, which must have room. @returns its length */
  readKey(id: number, into: Uint8Array, at: number): number {
    const length = this.keyLength(id);
    for (let offset = 0; offset < length; offset += 4) {
      const word = this.keyWord(id, offset >>> 2);
      const rest = length - offset;
      into[at + offset] = word >>> 24;
      if (rest > 1) into[at + offset + 1] = word >>> 16;
      if (rest > 2) into[at + offset + 2] = word >>> 8;
      if (rest > 3) into[at + offset + 3] = word;
    }
    return length;
  }

  /** Words 6 to 9 of a kept old version, which has no key of its own: its links. */
  link(id: number, slot: 0 | 1 | 2): number {
    return this.chunkOf(id)[this.baseOf(id) + 6 + slot] as number;
  }

  setLink(id: number, slot: 0 | 1 | 2, target: number): void {
    this.chunkOf(id)[this.baseOf(id) + 6 + slot] = target;
  }

  /** Puts all records into an image; there must be no kept old versions. */
  save(image: TableWriter): void {
    image.number(this.next, this.freeHead, this.freeCount);
    this.putBlocks(image);
    this.expiry.save(image);
    this.suffixes.save(image);
  }

  /** Makes an empty table the one that was saved. @throws BitcaskError `BITCASK_INDEX_FULL` */
  restore(image: TableReader): void {
    const next = image.number();
    const freeHead = image.number();
    const freeCount = image.number();
    while (this.capacity < next) this.grow();
    this.next = next;
    this.freeHead = freeHead;
    this.freeCount = freeCount;
    this.putBlocks(image);
    this.expiry.restore(image);
    this.suffixes.restore(image);
  }

  /** Hands over the used part of every chunk. Record 0 is nobody's: a table of no other has no chunk. */
  private putBlocks(image: TableWriter | TableReader): void {
    if (this.next === 1) return;
    for (let index = 0; index * CHUNK_RECORDS < this.next; index++) {
      const usedRecords = Math.min(CHUNK_RECORDS, this.next - index * CHUNK_RECORDS);
      image.block(bytesOf(this.chunks[index] as Int32Array, usedRecords * RECORD_WORDS));
    }
  }

  /** Whether `count` more records, with so many bytes of keys in all, keep within the tables' limits. */
  canHold(count: number, keyBytes: number): boolean {
    return this.next + count <= MAX_RECORDS && this.suffixes.canHold(count, keyBytes);
  }
}

function suffixWords(keyBytes: number): number {
  return ((keyBytes + 3) >>> 2) - 3;
}
