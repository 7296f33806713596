/**
 * Extendible hashing over small open-addressing segments: key hash → record number.
 *
 * ```
 * directory   top `depth` bits of the hash → segment         (int32 each, doubled when needed)
 * segment     64 to 8192 slots of [hash, record], linear probing, at most 4/5 full
 * slab        16 segments in one allocation of 1 MiB; the first begins with 2
 * ```
 * A full segment grows in place by an eighth of its final size and, once full-grown, splits in two.
 * The stored hash makes both a pass over 64 KiB that touches no record: at most about 0.1 ms, so growth
 * never stops the world. Deletion shifts back what follows: there are no tombstones to clean up.
 *
 * Invariant: between a slot and the home of the hash in it no slot is empty.
 */

import { BitcaskError } from "../errors.js";
import type { KeyProbe } from "./key-probe.js";
import type { MemoryBudget } from "./memory-budget.js";
import type { RecordTable } from "./record-table.js";
import { bytesOf, type TableReader, type TableWriter } from "./table-image.js";

const MAX_SLOTS = 8192;
const MIN_SLOTS = 64;
const STEP_SLOTS = MAX_SLOTS / 8;
const SEGMENT_BITS = 14;
const SEGMENT_BYTES = 4 * (1 << SEGMENT_BITS);
const SLAB_SEGMENTS = 16;
/** The first slab begins small, so that a store of few keys takes few pages. */
const FIRST_SEGMENTS = 2;
/** The low 16 bits of a hash choose the slot, the high ones the segment. */
const MAX_DEPTH = 16;

export class HashIndex {
  private readonly slabs: Int32Array[] = [];
  private readonly slots: number[] = [];
  private readonly counts: number[] = [];
  private readonly depths: number[] = [];
  /** The top `depths[segment]` bits that all hashes of a segment share. */
  private readonly prefixes: number[] = [];
  private readonly spill = new Int32Array(2 * MAX_SLOTS);
  private readonly records: RecordTable;
  private readonly budget: MemoryBudget;
  private directory: Int32Array;
  private depth = 1;
  private total = 0;
  /** Where the last successful `find` saw the record: for `removeFound` right after it. */
  private foundSegment = 0;
  private foundSlot = 0;

  /** @throws BitcaskError `BITCASK_INDEX_FULL` when the budget does not allow for the first slab */
  constructor(records: RecordTable, budget: MemoryBudget) {
    this.records = records;
    this.budget = budget;
    this.directory = new Int32Array(2);
    this.directory[0] = this.addSegment(1, 0);
    this.directory[1] = this.addSegment(1, 1);
  }

  /** Whether `count` more records fit, however unevenly their hashes fall. */
  canHold(count: number): boolean {
    // The fullest of 65,536 segments gets there first; at 5,500 of 6,553 records on average none has.
    return this.total + count <= 2 ** MAX_DEPTH * 5500;
  }

  /** Number of records. */
  get size(): number {
    return this.total;
  }

  /** @returns the record of the probe's key, 0 when there is none */
  find(probe: KeyProbe): number {
    const hash = probe.hash;
    const segment = this.directory[hash >>> (32 - this.depth)] as number;
    const slab = this.slabs[segment >>> 4] as Int32Array;
    const base = (segment & (SLAB_SEGMENTS - 1)) << SEGMENT_BITS;
    const slots = this.slots[segment] as number;
    let slot = ((hash & 0xffff) * slots) >>> 16;
    for (;;) {
      const at = base + slot + slot;
      const id = slab[at + 1] as number;
      if (id === 0) return 0;
      if (slab[at] === hash && this.records.keyEquals(id, probe)) {
        this.foundSegment = segment;
        this.foundSlot = slot;
        return id;
      }
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
  }

  /**
   * Reads the home slots of many hashes in one tight loop, so that the processor fetches their cache
   * lines side by side; lookups that follow find them near.
   * @returns nothing of use, but the reads cannot be optimised away
   */
  touch(hashes: Int32Array, count: number): number {
    let seen = 0;
    for (let index = 0; index < count; index++) {
      const hash = hashes[index] as number;
      const segment = this.directory[hash >>> (32 - this.depth)] as number;
      const slab = this.slabs[segment >>> 4] as Int32Array;
      const slot = ((hash & 0xffff) * (this.slots[segment] as number)) >>> 16;
      seen ^= slab[((segment & (SLAB_SEGMENTS - 1)) << SEGMENT_BITS) + slot + slot] as number;
    }
    return seen;
  }

  /**
   * Looks many hashes up without comparing keys, in one tight loop as {@link HashIndex.touch} does.
   * @param ids receives, of each, a record that bears the hash, or 0: a guess at the key's record
   */
  guess(hashes: Int32Array, count: number, ids: Int32Array): void {
    this.touch(hashes, count);
    for (let index = 0; index < count; index++) {
      const hash = hashes[index] as number;
      const segment = this.directory[hash >>> (32 - this.depth)] as number;
      const slab = this.slabs[segment >>> 4] as Int32Array;
      const base = (segment & (SLAB_SEGMENTS - 1)) << SEGMENT_BITS;
      const slots = this.slots[segment] as number;
      let slot = ((hash & 0xffff) * slots) >>> 16;
      while (slab[base + slot + slot] !== hash && slab[base + slot + slot + 1] !== 0) {
        slot = slot + 1 === slots ? 0 : slot + 1;
      }
      ids[index] = slab[base + slot + slot + 1] as number;
    }
  }

  /** Makes room for one more record of this hash. @throws BitcaskError `BITCASK_INDEX_FULL` */
  reserve(hash: number): void {
    for (;;) {
      const segment = this.directory[hash >>> (32 - this.depth)] as number;
      const slots = this.slots[segment] as number;
      if (((this.counts[segment] as number) + 1) * 5 <= slots * 4) return;
      if (slots < MAX_SLOTS) this.resize(segment, grownSlots(slots));
      else this.split(segment);
    }
  }

  /**
   * Adds a record that is not there yet. Needs {@link reserve} before, and counts on it.
   */
  insert(hash: number, id: number): void {
    const segment = this.directory[hash >>> (32 - this.depth)] as number;
    this.place(segment, hash, id);
    this.counts[segment] = (this.counts[segment] as number) + 1;
    this.total++;
  }

  /** Removes what `find` just returned. */
  removeFound(): void {
    const segment = this.foundSegment;
    const slab = this.slabs[segment >>> 4] as Int32Array;
    const base = (segment & (SLAB_SEGMENTS - 1)) << SEGMENT_BITS;
    const slots = this.slots[segment] as number;
    let hole = this.foundSlot;
    let next = hole;
    for (;;) {
      next = next + 1 === slots ? 0 : next + 1;
      const id = slab[base + 2 * next + 1] as number;
      if (id === 0) break;
      const hash = slab[base + 2 * next] as number;
      const home = ((hash & 0xffff) * slots) >>> 16;
      // Move `next` into the hole unless its home lies cyclically within (hole, next].
      const fromHome = next >= home ? next - home : next - home + slots;
      const fromHole = next >= hole ? next - hole : next - hole + slots;
      if (fromHome < fromHole) continue;
      slab[base + 2 * hole] = hash;
      slab[base + 2 * hole + 1] = id;
      hole = next;
    }
    slab[base + 2 * hole] = 0;
    slab[base + 2 * hole + 1] = 0;
    this.counts[segment] = (this.counts[segment] as number) - 1;
    this.total--;
  }

  /** Grows ahead of a bulk load, so that it splits nothing. @throws BitcaskError `BITCASK_INDEX_FULL` */
  reserveTotal(records: number): void {
    // One ninth in hand: random hashes fill segments unevenly.
    const wanted = Math.ceil((records * 10) / 9 / ((MAX_SLOTS * 4) / 5));
    while (this.depth < MAX_DEPTH && 1 << this.depth < wanted) {
      const width = 1 << this.depth;
      for (let index = 0; index < width; index++) {
        this.split(this.directory[index * (this.directory.length / width)] as number);
      }
    }
    const share = records / this.counts.length;
    const slots = slotsFor(Math.ceil(share + 3 * Math.sqrt(share)));
    for (let segment = 0; segment < this.slots.length; segment++) {
      if ((this.slots[segment] as number) < slots) this.resize(segment, slots);
    }
  }

  /** Puts the table into an image. */
  save(image: TableWriter): void {
    image.number(this.depth, this.total, this.slots.length);
    for (let segment = 0; segment < this.slots.length; segment++) {
      image.number(this.slots[segment] as number, this.counts[segment] as number);
      image.number(this.depths[segment] as number, this.prefixes[segment] as number);
    }
    for (const slab of this.slabs) image.block(bytesOf(slab));
  }

  /** Makes an empty table the one that was saved. @throws BitcaskError `BITCASK_INDEX_FULL` */
  restore(image: TableReader): void {
    this.depth = image.count(MAX_DEPTH);
    this.total = image.number();
    const segments = image.count(2 ** MAX_DEPTH);
    this.directory = new Int32Array(2 ** this.depth);
    for (let segment = 0; segment < segments; segment++) {
      if (segment >= this.slots.length) this.addSegment(0, 0);
      this.slots[segment] = image.count(MAX_SLOTS);
      this.counts[segment] = image.number();
      const depth = image.count(this.depth);
      const prefix = image.count(2 ** depth - 1);
      this.depths[segment] = depth;
      this.prefixes[segment] = prefix;
      const width = 1 << (this.depth - depth);
      this.directory.fill(segment, prefix * width, (prefix + 1) * width);
    }
    for (const slab of this.slabs) image.block(bytesOf(slab));
  }

  private place(segment: number, hash: number, id: number): void {
    const slab = this.slabs[segment >>> 4] as Int32Array;
    const base = (segment & (SLAB_SEGMENTS - 1)) << SEGMENT_BITS;
    const slots = this.slots[segment] as number;
    let slot = ((hash & 0xffff) * slots) >>> 16;
    while (slab[base + slot + slot + 1] !== 0) slot = slot + 1 === slots ? 0 : slot + 1;
    slab[base + slot + slot] = hash;
    slab[base + slot + slot + 1] = id;
  }

  private addSegment(depth: number, prefix: number): number {
    const segment = this.slots.length;
    if (segment === 0) this.slabs.push(this.slabOf(FIRST_SEGMENTS));
    else if (segment === FIRST_SEGMENTS) {
      const whole = this.slabOf(SLAB_SEGMENTS);
      whole.set(this.slabs[0] as Int32Array);
      this.slabs[0] = whole;
      this.budget.give(FIRST_SEGMENTS * SEGMENT_BYTES);
    } else if (segment === this.slabs.length * SLAB_SEGMENTS) {
      this.slabs.push(this.slabOf(SLAB_SEGMENTS));
    }
    this.slots.push(MIN_SLOTS);
    this.counts.push(0);
    this.depths.push(depth);
    this.prefixes.push(prefix);
    return segment;
  }

  /** @throws BitcaskError `BITCASK_INDEX_FULL` */
  private slabOf(segments: number): Int32Array {
    this.budget.take(segments * SEGMENT_BYTES);
    return new Int32Array((segments * SEGMENT_BYTES) / 4);
  }

  /** Moves a segment's slots to the scratch and leaves it empty. @returns int32s in the scratch */
  private takeOut(segment: number): number {
    const slab = this.slabs[segment >>> 4] as Int32Array;
    const base = (segment & (SLAB_SEGMENTS - 1)) << SEGMENT_BITS;
    const length = 2 * (this.slots[segment] as number);
    this.spill.set(slab.subarray(base, base + length));
    slab.fill(0, base, base + length);
    return length;
  }

  private resize(segment: number, slots: number): void {
    const length = this.takeOut(segment);
    this.slots[segment] = slots;
    for (let at = 0; at < length; at += 2) {
      const id = this.spill[at + 1] as number;
      if (id !== 0) this.place(segment, this.spill[at] as number, id);
    }
  }

  private split(segment: number): void {
    const depth = this.depths[segment] as number;
    if (depth === MAX_DEPTH) {
      throw new BitcaskError({
        code: "BITCASK_INDEX_FULL",
        message: "the hash table is at its limit of 65536 segments",
      });
    }
    const prefix = 2 * (this.prefixes[segment] as number);
    const twin = this.addSegment(depth + 1, prefix + 1);
    this.depths[segment] = depth + 1;
    this.prefixes[segment] = prefix;
    if (depth === this.depth) this.doubleDirectory();
    const bit = 31 - depth;
    const length = this.takeOut(segment);
    let moving = 0;
    let staying = 0;
    for (let at = 0; at < length; at += 2) {
      if (this.spill[at + 1] === 0) continue;
      if (((this.spill[at] as number) >>> bit) & 1) moving++;
      else staying++;
    }
    this.counts[segment] = staying;
    this.counts[twin] = moving;
    this.slots[segment] = slotsFor(staying);
    this.slots[twin] = slotsFor(moving);
    for (let at = 0; at < length; at += 2) {
      const id = this.spill[at + 1] as number;
      const hash = this.spill[at] as number;
      if (id !== 0) this.place((hash >>> bit) & 1 ? twin : segment, hash, id);
    }
    const width = 1 << (this.depth - depth - 1);
    this.directory.fill(twin, (prefix + 1) * width, (prefix + 2) * width);
  }

  private doubleDirectory(): void {
    const wider = new Int32Array(this.directory.length * 2);
    for (let index = 0; index < this.directory.length; index++) {
      wider[2 * index] = this.directory[index] as number;
      wider[2 * index + 1] = this.directory[index] as number;
    }
    this.directory = wider;
    this.depth++;
  }
}

function grownSlots(slots: number): number {
  return slots < MAX_SLOTS / 2 ? slots * 2 : slots + STEP_SLOTS;
}

/** The fewest slots that leave `count` records below 7/10. */
function slotsFor(count: number): number {
  let slots = MIN_SLOTS;
  while (slots * 7 < count * 10 && slots < MAX_SLOTS) slots = grownSlots(slots);
  return slots;
}
