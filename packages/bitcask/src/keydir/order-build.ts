import type { KeyOrder } from "./key-order.js";
import { compareKeyWords, type KeyWords, shortestBetween } from "./key-words.js";
import { LEAF_RECORDS, Leaf } from "./leaf.js";
import type { MemoryBudget } from "./memory-budget.js";
import type { RecordTable } from "./record-table.js";

interface Tables {
  readonly records: RecordTable;
  readonly order: KeyOrder;
  readonly budget: MemoryBudget;
}

/** Leaves begin three quarters full, so that the first fresh keys divide none. */
const FILL = (LEAF_RECORDS * 3) / 4;
/** Samples per leaf, evenly spaced over the runs. */
const SAMPLES = 8;

/**
 * Builds the order over records 1 to `lastId`, which form ascending runs that begin at `runs`.
 *
 * Bounds come from a sample; each long run is then cut at the bounds by binary search and its pieces
 * are appended, so a store of sorted hint files costs little more than writing the record numbers
 * down. Pieces of several runs in one leaf are sorted by the first scan that comes there.
 */
export function buildOrder(tables: Tables, runs: readonly number[], lastId: number): void {
  if (lastId === 0) return;
  const bounds = chooseBounds(tables.records, lastId);
  const leaves = [new Leaf(LEAF_RECORDS, tables.budget)];
  while (leaves.length <= bounds.length) leaves.push(new Leaf(LEAF_RECORDS, tables.budget));
  tables.order.adopt(leaves, bounds);
  const stragglers: number[] = [];
  for (let run = 0; run < runs.length; run++) {
    const from = runs[run] as number;
    const to = runs[run + 1] ?? lastId + 1;
    if (to - from < 4 * leaves.length) {
      for (let id = from; id < to; id++) stragglers.push(id);
    } else {
      cutRun(tables.records, { leaves, bounds, stragglers }, from, to);
    }
  }
  for (const id of stragglers) tables.order.insert(id);
  tables.order.settle();
}

function cutRun(
  records: RecordTable,
  into: {
    readonly leaves: readonly Leaf[];
    readonly bounds: readonly KeyWords[];
    readonly stragglers: number[];
  },
  from: number,
  to: number,
): void {
  let start = from;
  for (let index = 0; index < into.leaves.length; index++) {
    const bound = into.bounds[index];
    const end = bound === undefined ? to : firstNotBefore(records, bound, start, to);
    const leaf = into.leaves[index] as Leaf;
    if (leaf.count + end - start > LEAF_RECORDS) {
      // The sample misjudged this range; the leaf will be divided.
      for (let id = start; id < end; id++) into.stragglers.push(id);
    } else {
      const isFirst = leaf.count === 0;
      for (let id = start; id < end; id++) leaf.append(id);
      if (isFirst) leaf.sorted = leaf.count;
    }
    start = end;
  }
}

/** @returns the first of the ascending records `[from, to)` whose key is not before `bound` */
function firstNotBefore(records: RecordTable, bound: KeyWords, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = low + ((high - low) >>> 1);
    if (records.compareTo(middle, bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function chooseBounds(records: RecordTable, lastId: number): KeyWords[] {
  const leafCount = Math.ceil(lastId / FILL);
  const sample: KeyWords[] = [];
  const step = lastId / (leafCount * SAMPLES);
  for (let pick = 0; pick < leafCount * SAMPLES; pick++) {
    const id = 1 + Math.floor(pick * step);
    if (id <= lastId) sample.push(records.keyWords(id));
  }
  sample.sort((a, b) => compareKeyWords(a, b));
  const bounds: KeyWords[] = [];
  for (let leaf = 1; leaf < leafCount; leaf++) {
    const at = leaf * SAMPLES;
    const upTo = sample[at];
    const before = sample[at - 1];
    if (upTo === undefined || before === undefined) break;
    bounds.push(shortestBetween(before, upTo));
  }
  return bounds;
}
