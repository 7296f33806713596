/** Work on many records at once. */
import { headOf } from "./key-words.js";
import type { RecordTable } from "./record-table.js";

/** Indexes `[from, to)` of an array of record numbers. */
export interface IdRange {
  readonly from: number;
  readonly to: number;
}

/** Records freed at once: their numbers stay in the first-level cache. */
const SWEEP_RECORDS = 1024;

/**
 * Writes the first 52 bits behind word `skip` of each record's key to `heads[0, to - from)`, as
 * numbers that sort like them. No branch depends on a record, so that cache misses overlap.
 */
export function gatherHeads(
  records: RecordTable,
  ids: Int32Array,
  { from, to }: IdRange,
  skip: number,
  heads: Float64Array,
): void {
  if (skip <= 1) {
    // Words 0 to 2 lie in the record whatever the key's length.
    for (let at = from; at < to; at++) {
      const id = ids[at] as number;
      const chunk = records.chunkOf(id);
      const word = records.baseOf(id) + 6 + skip;
      heads[at - from] = headOf(chunk[word] as number, chunk[word + 1] as number);
    }
    return;
  }
  for (let at = from; at < to; at++) {
    const id = ids[at] as number;
    heads[at - from] = headOf(records.keyWord(id, skip), records.keyWord(id, skip + 1));
  }
}

/**
 * Reads the first and the last word of many records in one tight loop, so that the processor fetches
 * their cache lines side by side; whoever looks at them next finds them near.
 * @returns nothing of use, but the reads cannot be optimised away
 */
export function touchRecords(records: RecordTable, ids: Int32Array, { from, to }: IdRange): number {
  let seen = 0;
  for (let at = from; at < to; at++) {
    const id = ids[at] as number;
    if (id === 0) continue;
    const chunk = records.chunkOf(id);
    const base = records.baseOf(id);
    seen ^= (chunk[base] as number) ^ (chunk[base + 9] as number);
  }
  return seen;
}

/** Frees dead records. */
export class RecordSweep {
  private readonly records: RecordTable;
  private readonly swept = new Int32Array(SWEEP_RECORDS);

  constructor(records: RecordTable) {
    this.records = records;
  }

  /**
   * Frees the dead among `ids[from, to)` and moves the others together, in place.
   * @returns how many are left
   */
  sweepDead(ids: Int32Array, { from, to }: IdRange, into: number): number {
    const { records, swept } = this;
    let kept = into;
    let deadCount = 0;
    for (let at = from; at < to; at++) {
      const id = ids[at] as number;
      const meta = records.chunkOf(id)[records.baseOf(id) + 1] as number;
      const isDead = (meta >>> 24) & 1;
      swept[deadCount] = id;
      deadCount += isDead;
      ids[kept] = id;
      kept += 1 - isDead;
      if (deadCount === swept.length) {
        this.freeAll(deadCount);
        deadCount = 0;
      }
    }
    this.freeAll(deadCount);
    return kept;
  }

  private freeAll(count: number): void {
    for (let index = 0; index < count; index++) {
      this.records.free(this.swept[index] as number, true);
    }
  }
}
