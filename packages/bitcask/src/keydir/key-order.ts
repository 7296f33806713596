/**
 * The order over keys: leaves of up to 8192 records, each the records of one range of keys.
 *
 * Records are put into the right leaf but sorted within it only when a scan comes by: a fresh key costs
 * one search among a few thousand bounds and one append, a scan sorts the one or two leaves it begins in
 * (about 1 ms each), and reads and overwrites of a key that is there cost nothing at all. Fresh records
 * wait until there are 256 of them, because the cache misses of a batch overlap.
 * A leaf that is full is divided at the median of a sample, in one pass, without sorting it.
 *
 * Deleted records are marked dead and swept out when they are a third of their leaf.
 * Leaves that have become small join a neighbour.
 */
import { MAX_KEY_BYTES } from "./key-probe.js";
import type { KeyWords } from "./key-words.js";
import { compareKeyWords, headOf, prefixOf, shortestBetween, wordAt } from "./key-words.js";
import { createLeaf, LEAF_RECORDS, Leaf } from "./leaf.js";
import { LeafSort } from "./leaf-sort.js";
import type { MemoryBudget } from "./memory-budget.js";
import { gatherHeads, RecordSweep } from "./record-batch.js";
import { DEAD, type RecordTable } from "./record-table.js";
import { Separators } from "./separators.js";
import { bytesOf, type TableReader, type TableWriter } from "./table-image.js";

/** Records looked at for a median: divides within 35–65 % nearly always. */
const SAMPLE_RECORDS = 63;
/** Fewer dead records than this are not worth a sweep. */
const MIN_SWEEP = 64;
/** Records put into their leaves at once. */
const FRESH_RECORDS = 256;
const MAX_LEAVES = 2 ** 31;

export class KeyOrder {
  /** Changes whenever leaves appear, vanish or are replaced. */
  version = 0;
  private readonly separators = new Separators();
  private readonly leaves: Leaf[];
  private readonly sorter: LeafSort;
  private readonly sweeper: RecordSweep;
  private readonly records: RecordTable;
  private readonly budget: MemoryBudget;
  private readonly heads = new Float64Array(LEAF_RECORDS);
  /** Records that are in no leaf yet, and a place for the leaves that they belong to. */
  private readonly fresh = new Int32Array(FRESH_RECORDS);
  private readonly places = new Int32Array(FRESH_RECORDS);
  private freshCount = 0;
  /** What fetching cache lines has read: kept, so that the reads are not optimised away. */
  private touched = 0;

  /** @throws BitcaskError `BITCASK_INDEX_FULL` */
  constructor(records: RecordTable, budget: MemoryBudget) {
    this.records = records;
    this.budget = budget;
    this.sorter = new LeafSort(records);
    this.sweeper = new RecordSweep(records);
    this.leaves = [createLeaf(budget)];
  }

  get leafCount(): number {
    return this.leaves.length;
  }

  /** Bytes taken besides what the budget counts. */
  get boundBytes(): number {
    return this.separators.bytes;
  }

  /** Adds a record. @throws BitcaskError `BITCASK_INDEX_FULL` while the budget is enforced */
  insert(id: number): void {
    this.fresh[this.freshCount++] = id;
    if (this.freshCount === FRESH_RECORDS) this.settle();
  }

  /** Puts all records into their leaves. To be called before leaves are looked at. */
  settle(): void {
    const { records, fresh, places, leaves, separators, version } = this;
    const count = this.freshCount;
    this.freshCount = 0;
    for (let index = 0; index < count; index++) {
      places[index] = separators.findRecord(records, fresh[index] as number);
    }
    let seen = 0;
    for (let index = 0; index < count; index++) {
      const leaf = leaves[places[index] as number] as Leaf;
      seen ^= leaf.ids[leaf.count - 1] ?? 0;
    }
    for (let index = 0; index < count; index++) {
      const id = fresh[index] as number;
      // Dividing a leaf moves those behind it.
      const isMoved = version !== this.version;
      this.place(isMoved ? separators.findRecord(records, id) : (places[index] as number), id);
    }
    this.touched ^= seen;
  }

  /** Marks a record of this key dead; frees it, now or later. */
  retire(id: number, key: KeyWords): void {
    // Before it is dead: putting others into its leaf could free it before it is counted.
    this.settle();
    this.records.setState(id, DEAD);
    const index = this.separators.find(key);
    const leaf = this.leaves[index] as Leaf;
    leaf.dead++;
    const due = leaf.dead >= MIN_SWEEP && leaf.dead * 3 > leaf.count;
    if (!due && leaf.dead < leaf.count) return;
    this.sweep(leaf);
    if (leaf.count < LEAF_RECORDS / 8) this.join(index);
  }

  /** The index of the leaf whose range holds the key. */
  findLeaf(key: KeyWords): number {
    return this.separators.find(key);
  }

  /** Leaf `index`, sorted. */
  sortedLeaf(index: number): Leaf {
    const leaf = this.leaves[index] as Leaf;
    if (leaf.sorted < leaf.count) this.sortLeaf(leaf);
    return leaf;
  }

  /** First index in a leaf's sorted part whose key is not before `key` (after it, when `after`). */
  position(leaf: Leaf, key: KeyWords, after: boolean): number {
    let low = 0;
    let high = leaf.sorted;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.records.compareTo(leaf.ids[middle] as number, key);
      if (order < 0 || (after && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Replaces an empty order's leaves. `bounds[i]` is the lower bound of `leaves[i + 1]`.
   * The budget already counts the leaves.
   */
  adopt(leaves: readonly Leaf[], bounds: readonly KeyWords[]): void {
    this.budget.give(4 * (this.leaves[0] as Leaf).ids.length);
    this.leaves.length = 0;
    for (const leaf of leaves) this.leaves.push(leaf);
    this.separators.replaceAll(bounds);
    this.version++;
  }

  /** Puts leaves and bounds into an image. */
  save(image: TableWriter): void {
    this.settle();
    image.number(this.leaves.length);
    for (const [index, leaf] of this.leaves.entries()) {
      image.number(leaf.count, leaf.sorted, leaf.dead);
      if (index > 0) saveKey(image, this.separators.boundOf(index));
      image.block(bytesOf(leaf.ids, leaf.count));
    }
  }

  /** Makes an empty order the one that was saved. @throws BitcaskError `BITCASK_INDEX_FULL` */
  restore(image: TableReader): void {
    const leafCount = image.count(MAX_LEAVES);
    const leaves: Leaf[] = [];
    const bounds: KeyWords[] = [];
    for (let index = 0; index < leafCount; index++) {
      const leaf = restoredLeaf(image, this.budget);
      if (index > 0) bounds.push(restoredKey(image));
      image.block(bytesOf(leaf.ids, leaf.count));
      leaves.push(leaf);
    }
    this.adopt(leaves, bounds);
  }

  private place(index: number, id: number): void {
    let leaf = this.leaves[index] as Leaf;
    if (leaf.count === LEAF_RECORDS) {
      this.sweep(leaf);
      if (leaf.count > LEAF_RECORDS * 0.75) this.divide(index, this.records.keyWords(id));
      leaf = this.leaves[this.separators.findRecord(this.records, id)] as Leaf;
    }
    leaf.grow(this.budget);
    leaf.append(id);
  }

  private sortLeaf(leaf: Leaf): void {
    this.sweep(leaf);
    const fresh = leaf.count - leaf.sorted;
    if (fresh === 0) return;
    if (fresh * 4 > leaf.sorted) {
      this.sorter.sort(leaf.ids, 0, leaf.count);
    } else {
      this.sorter.sort(leaf.ids, leaf.sorted, leaf.count);
      this.sorter.merge(leaf.ids, leaf.sorted, leaf.count);
    }
    leaf.sorted = leaf.count;
    leaf.version++;
  }

  /** Frees the dead records of a leaf. */
  private sweep(leaf: Leaf): void {
    if (leaf.dead === 0) return;
    const { ids, count, sorted } = leaf;
    leaf.sorted = this.sweeper.sweepDead(ids, { from: 0, to: sorted }, 0);
    const kept = this.sweeper.sweepDead(ids, { from: sorted, to: count }, leaf.sorted);
    leaf.count = kept;
    leaf.dead = 0;
    leaf.version++;
  }

  /** Divides a leaf without dead records. @throws BitcaskError `BITCASK_INDEX_FULL` */
  private divide(index: number, key: KeyWords): void {
    const leaf = this.leaves[index] as Leaf;
    // Keys that come in ascending order shall leave full leaves behind, not half-full ones.
    if (index === this.leaves.length - 1 && this.isBehind(leaf, key)) {
      this.addLeaf(index + 1, createLeaf(this.budget), prefixOf(key, key.length));
      return;
    }
    const bound = this.middleBound(leaf);
    const right = new Leaf(LEAF_RECORDS, this.budget);
    const { ids, count, sorted } = leaf;
    const skip = this.separators.sharedWords(index);
    gatherHeads(this.records, ids, { from: 0, to: count }, skip, this.heads);
    const boundHead = headOf(wordAt(bound, skip), wordAt(bound, skip + 1));
    let kept = 0;
    for (let at = 0; at < count; at++) {
      if (at === sorted) {
        leaf.sorted = kept;
        right.sorted = right.count;
      }
      const id = ids[at] as number;
      const head = this.heads[at] as number;
      const isLeft =
        head < boundHead || (head === boundHead && this.records.compareTo(id, bound) < 0);
      if (isLeft) ids[kept++] = id;
      else right.append(id);
    }
    if (sorted === count) {
      leaf.sorted = kept;
      right.sorted = right.count;
    }
    leaf.count = kept;
    leaf.version++;
    this.addLeaf(index + 1, right, bound);
  }

  private addLeaf(index: number, leaf: Leaf, bound: KeyWords): void {
    this.leaves.splice(index, 0, leaf);
    this.separators.insert(index, bound);
    this.version++;
  }

  /** Whether the leaf ascends from end to end and `key` comes after all of it. */
  private isBehind(leaf: Leaf, key: KeyWords): boolean {
    const { ids, count } = leaf;
    if (this.records.compareTo(ids[count - 1] as number, key) >= 0) return false;
    for (let at = Math.max(1, leaf.sorted); at < count; at++) {
      if (this.records.compareKeys(ids[at - 1] as number, ids[at] as number) >= 0) return false;
    }
    leaf.sorted = count;
    return true;
  }

  /** A bound with about as many records of the leaf before it as after. */
  private middleBound(leaf: Leaf): KeyWords {
    const sample: KeyWords[] = [];
    const step = leaf.count / (SAMPLE_RECORDS + 1);
    if (leaf.sorted === leaf.count) {
      const middle = leaf.count >>> 1;
      sample.push(this.records.keyWords(leaf.ids[middle - 1] as number));
      sample.push(this.records.keyWords(leaf.ids[middle] as number));
    } else {
      for (let pick = 1; pick <= SAMPLE_RECORDS; pick++) {
        sample.push(this.records.keyWords(leaf.ids[Math.floor(pick * step)] as number));
      }
      sample.sort((a, b) => compareKeyWords(a, b));
    }
    const middle = sample.length >>> 1;
    return shortestBetween(sample[middle - 1] as KeyWords, sample[middle] as KeyWords);
  }

  /** Joins a small leaf with a neighbour when both together stay half empty. */
  private join(index: number): void {
    if (this.leaves.length === 1) return;
    const leftIndex = index === 0 ? 0 : index - 1;
    const left = this.leaves[leftIndex] as Leaf;
    const right = this.leaves[leftIndex + 1] as Leaf;
    const count = left.count + right.count;
    if (count > LEAF_RECORDS / 2) return;
    if (count > left.ids.length) {
      if (!this.budget.allows(4 * LEAF_RECORDS)) return;
      const ids = left.ids;
      this.budget.take(4 * (LEAF_RECORDS - ids.length));
      left.ids = new Int32Array(LEAF_RECORDS);
      left.ids.set(ids);
    }
    left.ids.set(right.ids.subarray(0, right.count), left.count);
    if (left.sorted === left.count) left.sorted += right.sorted;
    left.count = count;
    left.dead += right.dead;
    left.version++;
    this.budget.give(4 * right.ids.length);
    this.leaves.splice(leftIndex + 1, 1);
    this.separators.remove(leftIndex + 1);
    this.version++;
  }
}

function restoredLeaf(image: TableReader, budget: MemoryBudget): Leaf {
  const count = image.count(LEAF_RECORDS);
  const sorted = image.count(count);
  const dead = image.count(count);
  const leaf = createLeaf(budget, count);
  leaf.count = count;
  leaf.sorted = sorted;
  leaf.dead = dead;
  return leaf;
}

function saveKey(image: TableWriter, { length, wordCount, words }: KeyWords): void {
  image.number(length, ...words.subarray(0, wordCount));
}

function restoredKey(image: TableReader): KeyWords {
  const length = image.count(MAX_KEY_BYTES);
  const wordCount = (length + 3) >>> 2;
  const words = new Int32Array(wordCount);
  for (let index = 0; index < wordCount; index++) words[index] = image.number();
  return { words, wordCount, length };
}
