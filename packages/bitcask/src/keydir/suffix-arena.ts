/**
 * Ends of keys that do not fit their record, as blocks in 1 MiB chunks:
 *
 * ```
 * word 0    owner: the record's number; or -1 once the block is free
 * word 1    number of key words
 * word 2…   key words, big-endian, zero-padded
 * ```
 * Blocks are appended; room comes back by moving the live blocks out of the emptiest chunk, a few
 * with every allocation and release, never all at once. A block has one owner, so it can be moved.
 *
 * Invariant: free words <= max(one chunk, a third of all words), but for what the running move is
 * about to give back.
 */
import { BitcaskError } from "../errors.js";
import type { MemoryBudget } from "./memory-budget.js";
import { bytesOf, type TableReader, type TableWriter } from "./table-image.js";

const ARENA_BITS = 18;
const CHUNK_WORDS = 1 << ARENA_BITS;
const CHUNK_MASK = CHUNK_WORDS - 1;
const CHUNK_BYTES = CHUNK_WORDS * 4;
/** What a block's 32-bit place can express. */
const MAX_CHUNKS = 2 ** (32 - ARENA_BITS);
const HEADER_WORDS = 2;
const FREE = -1;
/** Words looked at per call while a chunk is emptied: about 3 µs. */
const STEP_WORDS = 512;

export class SuffixArena {
  private readonly chunks: (Int32Array | undefined)[] = [];
  /** Words up to which a chunk is filled. */
  private readonly filled: number[] = [];
  /** Words of it that belong to live blocks, headers included. */
  private readonly live: number[] = [];
  private readonly vacant: number[] = [];
  private readonly budget: MemoryBudget;
  private readonly moved: (owner: number, at: number) => void;
  private current = -1;
  private emptying = -1;
  private emptiedTo = 0;
  private freeWords = 0;

  /** @param moved called when a block has a new place, before its old one is reused */
  constructor(budget: MemoryBudget, moved: (owner: number, at: number) => void) {
    this.budget = budget;
    this.moved = moved;
  }

  /** Whether `count` more blocks with so many bytes in all fit, wasted ends of chunks included. */
  canHold(count: number, bytes: number): boolean {
    const chunks = this.chunks.length - this.vacant.length;
    // A block is at most an eighth of a chunk, so no more than that is wasted.
    return chunks + 2 + (count * 12 + bytes) / (CHUNK_BYTES * 0.875) <= MAX_CHUNKS;
  }

  /** Makes room for a block of `count` key words. @throws BitcaskError `BITCASK_INDEX_FULL` */
  reserve(count: number): void {
    const words = count + HEADER_WORDS;
    if (this.current >= 0 && (this.filled[this.current] as number) + words <= CHUNK_WORDS) return;
    if (this.vacant.length === 0 && this.chunks.length === MAX_CHUNKS) {
      throw new BitcaskError({
        code: "BITCASK_INDEX_FULL",
        message: "the keys beyond 16 bytes take 16 GiB, their limit",
      });
    }
    this.budget.take(CHUNK_BYTES);
    const index = this.vacant.pop() ?? this.chunks.length;
    this.chunks[index] = new Int32Array(CHUNK_WORDS);
    this.filled[index] = 0;
    this.live[index] = 0;
    // What the old chunk has left at its end is never filled: it counts as free.
    if (this.current >= 0) {
      this.freeWords += CHUNK_WORDS - (this.filled[this.current] as number);
    }
    this.current = index;
  }

  /** Stores words 3 and on of a key. Needs {@link reserve} before. @returns where the block lies */
  store(owner: number, words: Int32Array, count: number): number {
    const at = this.claim(owner, count);
    const chunk = this.chunkAt(at);
    const from = (at & CHUNK_MASK) + HEADER_WORDS;
    for (let index = 0; index < count; index++) chunk[from + index] = words[index + 3] as number;
    this.step();
    return at;
  }

  free(at: number, count: number): void {
    const words = count + HEADER_WORDS;
    const index = at >>> ARENA_BITS;
    this.chunkAt(at)[at & CHUNK_MASK] = FREE;
    this.live[index] = (this.live[index] as number) - words;
    this.freeWords += words;
    if (this.live[index] === 0) this.clear(index);
    this.step();
  }

  word(at: number, index: number): number {
    return this.chunkAt(at)[(at & CHUNK_MASK) + HEADER_WORDS + index] as number;
  }

  /** Whether the block holds words 3 and on of `words`. */
  equals(at: number, words: Int32Array, count: number): boolean {
    const chunk = this.chunkAt(at);
    const from = (at & CHUNK_MASK) + HEADER_WORDS;
    for (let index = 0; index < count; index++) {
      if (chunk[from + index] !== words[index + 3]) return false;
    }
    return true;
  }

  /** Puts the arena into an image. */
  save(image: TableWriter): void {
    const { chunks, current, emptying, emptiedTo, freeWords } = this;
    image.number(chunks.length, current, emptying, emptiedTo, freeWords);
    for (const [index, chunk] of chunks.entries()) {
      image.number(chunk === undefined ? -1 : (this.filled[index] as number));
      if (chunk === undefined) continue;
      image.number(this.live[index] as number);
      image.block(bytesOf(chunk, this.filled[index]));
    }
  }

  /** Makes an empty arena the one that was saved. @throws BitcaskError `BITCASK_INDEX_FULL` */
  restore(image: TableReader): void {
    const chunkCount = image.count(MAX_CHUNKS);
    this.current = image.number();
    this.emptying = image.number();
    this.emptiedTo = image.number();
    this.freeWords = image.number();
    for (let index = 0; index < chunkCount; index++) {
      const filled = image.number();
      this.filled[index] = Math.max(0, filled);
      this.live[index] = filled < 0 ? 0 : image.number();
      this.chunks[index] = undefined;
      if (filled < 0) {
        this.vacant.push(index);
        continue;
      }
      this.budget.take(CHUNK_BYTES);
      const chunk = new Int32Array(CHUNK_WORDS);
      this.chunks[index] = chunk;
      image.block(bytesOf(chunk, filled));
    }
  }

  private chunkAt(at: number): Int32Array {
    return this.chunks[at >>> ARENA_BITS] as Int32Array;
  }

  private claim(owner: number, count: number): number {
    const index = this.current;
    const chunk = this.chunks[index] as Int32Array;
    const offset = this.filled[index] as number;
    chunk[offset] = owner;
    chunk[offset + 1] = count;
    this.filled[index] = offset + count + HEADER_WORDS;
    this.live[index] = (this.live[index] as number) + count + HEADER_WORDS;
    return (index << ARENA_BITS) | offset;
  }

  /** Goes on with emptying a chunk, or begins when free words have passed their limit. */
  private step(): void {
    if (this.emptying < 0 && !this.beginEmptying()) return;
    const source = this.chunks[this.emptying] as Int32Array;
    const end = this.filled[this.emptying] as number;
    const stop = Math.min(end, this.emptiedTo + STEP_WORDS);
    while (this.emptiedTo < stop) {
      const offset = this.emptiedTo;
      const count = source[offset + 1] as number;
      const owner = source[offset] as number;
      if (owner !== FREE && !this.moveBlock(source, offset)) return;
      this.emptiedTo = offset + count + HEADER_WORDS;
    }
    if (this.emptiedTo >= end) this.drop(this.emptying);
  }

  private moveBlock(source: Int32Array, offset: number): boolean {
    const owner = source[offset] as number;
    const count = source[offset + 1] as number;
    try {
      this.reserve(count);
    } catch {
      return false; // Over budget for now: the block stays, the next call tries again.
    }
    const at = this.claim(owner, count);
    const from = offset + HEADER_WORDS;
    this.chunkAt(at).set(source.subarray(from, from + count), (at & CHUNK_MASK) + HEADER_WORDS);
    source[offset] = FREE;
    this.live[this.emptying] = (this.live[this.emptying] as number) - count - HEADER_WORDS;
    this.freeWords += count + HEADER_WORDS;
    this.moved(owner, at);
    return true;
  }

  private beginEmptying(): boolean {
    const total = (this.chunks.length - this.vacant.length) * CHUNK_WORDS;
    if (this.freeWords <= Math.max(CHUNK_WORDS, total / 3)) return false;
    let emptiest = -1;
    for (let index = 0; index < this.chunks.length; index++) {
      if (this.chunks[index] === undefined || index === this.current) continue;
      if (emptiest < 0 || (this.live[index] as number) < (this.live[emptiest] as number)) {
        emptiest = index;
      }
    }
    this.emptying = emptiest;
    this.emptiedTo = 0;
    return emptiest >= 0;
  }

  /** Reuses or gives back a chunk in which nothing lives. */
  private clear(index: number): void {
    if (index !== this.current) {
      this.drop(index);
      return;
    }
    this.freeWords -= this.filled[index] as number;
    this.filled[index] = 0;
  }

  private drop(index: number): void {
    // All of the chunk counts as free by now: freed blocks, moved blocks and the unfilled end.
    this.freeWords -= CHUNK_WORDS;
    this.chunks[index] = undefined;
    this.vacant.push(index);
    this.budget.give(CHUNK_BYTES);
    if (index === this.emptying) this.emptying = -1;
  }
}
