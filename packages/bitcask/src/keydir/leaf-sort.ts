/**
 * Sorts record numbers by key. Each key's first 39 bits behind what the keys share go, with the
 * record's index, into one double; `Float64Array.sort` then runs in native code without a comparator.
 * Runs of equal heads are sorted again by what follows, so shared prefixes cost a round, not a compare
 * of whole keys for each step.
 */
import { LEAF_RECORDS } from "./leaf.js";
import { gatherHeads } from "./record-batch.js";
import type { RecordTable } from "./record-table.js";

const INDEX_RANGE = LEAF_RECORDS;
/** Runs up to this long are sorted by insertion. */
const SHORT_RUN = 12;

export class LeafSort {
  private readonly records: RecordTable;
  private readonly scratch = new Int32Array(LEAF_RECORDS);
  private readonly composites = new Float64Array(LEAF_RECORDS);

  constructor(records: RecordTable) {
    this.records = records;
  }

  /** Sorts `ids[from, to)`, at most {@link LEAF_RECORDS} of them. */
  sort(ids: Int32Array, from: number, to: number): void {
    this.sortFrom(ids, from, to, 0);
  }

  /** Merges the sorted `ids[0, sorted)` and `ids[sorted, count)` in place. */
  merge(ids: Int32Array, sorted: number, count: number): void {
    const records = this.records;
    const tail = this.scratch;
    tail.set(ids.subarray(sorted, count));
    let end = sorted;
    // From the largest of the tail down: each block of the sorted part moves once, to its last place.
    for (let index = count - sorted - 1; index >= 0 && end > 0; index--) {
      const id = tail[index] as number;
      let low = 0;
      let high = end;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (records.compareKeys(ids[middle] as number, id) <= 0) low = middle + 1;
        else high = middle;
      }
      ids.copyWithin(low + index + 1, low, end);
      ids[low + index] = id;
      end = low;
      if (end === 0) {
        // The rest of the tail sorts before everything that was there.
        for (let rest = 0; rest < index; rest++) ids[rest] = tail[rest] as number;
      }
    }
  }

  private sortFrom(ids: Int32Array, from: number, to: number, knownSkip: number): void {
    if (to - from <= SHORT_RUN) {
      this.insertionSort(ids, from, to);
      return;
    }
    const skip = this.sharedWords(ids, from, to, knownSkip);
    if (skip < 0) {
      this.sortByLength(ids, from, to);
      return;
    }
    const count = to - from;
    const composites = this.composites.subarray(0, count);
    this.scratch.set(ids.subarray(from, to));
    gatherHeads(this.records, ids, { from, to }, skip, composites);
    for (let index = 0; index < count; index++) {
      const head = composites[index] as number;
      composites[index] = head - (head % INDEX_RANGE) + index;
    }
    composites.sort();
    // Runs are found before any of them is sorted, because sorting one reuses the scratch.
    const runs: number[] = [];
    let runStart = 0;
    let runHead = -1;
    for (let index = 0; index < count; index++) {
      const composite = composites[index] as number;
      ids[from + index] = this.scratch[composite % INDEX_RANGE] as number;
      const head = Math.floor(composite / INDEX_RANGE);
      if (head === runHead) continue;
      if (index - runStart > 1) runs.push(runStart, index);
      runStart = index;
      runHead = head;
    }
    if (count - runStart > 1) runs.push(runStart, count);
    for (let run = 0; run < runs.length; run += 2) {
      // Word `skip` is the same within a run, so each round goes at least one word deeper.
      const start = from + (runs[run] as number);
      this.sortFrom(ids, start, from + (runs[run + 1] as number), skip + 1);
    }
  }

  /** @returns words shared by all keys, at least `known`; -1 when no word tells them apart */
  private sharedWords(ids: Int32Array, from: number, to: number, known: number): number {
    const records = this.records;
    const first = ids[from] as number;
    let longest = (records.keyLength(first) + 3) >>> 2;
    let shared = Number.MAX_SAFE_INTEGER;
    for (let at = from + 1; at < to; at++) {
      const id = ids[at] as number;
      longest = Math.max(longest, (records.keyLength(id) + 3) >>> 2);
      let word = known;
      const limit = Math.min(shared, longest);
      while (word < limit && records.keyWord(id, word) === records.keyWord(first, word)) word++;
      if (word < limit) shared = word;
      if (shared === known) return known;
    }
    return shared === Number.MAX_SAFE_INTEGER ? -1 : shared;
  }

  /** For keys that differ in trailing zero bytes only, and for dead records of one key. */
  private sortByLength(ids: Int32Array, from: number, to: number): void {
    const records = this.records;
    ids.subarray(from, to).sort((a, b) => records.keyLength(a) - records.keyLength(b));
  }

  private insertionSort(ids: Int32Array, from: number, to: number): void {
    for (let at = from + 1; at < to; at++) {
      const id = ids[at] as number;
      let hole = at;
      while (hole > from && this.records.compareKeys(ids[hole - 1] as number, id) > 0) {
        ids[hole] = ids[hole - 1] as number;
        hole--;
      }
      ids[hole] = id;
    }
  }
}
