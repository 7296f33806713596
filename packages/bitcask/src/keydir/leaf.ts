import type { MemoryBudget } from "./memory-budget.js";

/** Most records per leaf: what a first scan sorts (about 1 ms), and what a split goes through. */
export const LEAF_RECORDS = 8192;
const MIN_RECORDS = 64;

/**
 * The records of one range of keys: first a sorted part, then those that came since, unsorted.
 *
 * Invariants: `0 <= sorted <= count <= ids.length`; `ids[0, sorted)` ascend by key (equal keys only
 * when all but one of them are dead); `dead` of the records are dead.
 */
export class Leaf {
  ids: Int32Array;
  count = 0;
  sorted = 0;
  dead = 0;
  /** Changes whenever a record changes its index; appending changes none. */
  version = 0;

  /** @throws BitcaskError `BITCASK_INDEX_FULL` */
  constructor(capacity: number, budget: MemoryBudget) {
    budget.take(4 * capacity);
    this.ids = new Int32Array(capacity);
  }

  /** Room for one more record; doubles. @throws BitcaskError `BITCASK_INDEX_FULL` */
  grow(budget: MemoryBudget): void {
    if (this.count < this.ids.length) return;
    const ids = this.ids;
    budget.take(4 * ids.length);
    this.ids = new Int32Array(2 * ids.length);
    this.ids.set(ids);
  }

  /** Appends a record to the unsorted part. */
  append(id: number): void {
    this.ids[this.count++] = id;
  }
}

/** An empty leaf with room for `records`, small until more is needed. */
export function createLeaf(budget: MemoryBudget, records = 0): Leaf {
  let capacity = MIN_RECORDS;
  while (capacity < records) capacity *= 2;
  return new Leaf(capacity, budget);
}
