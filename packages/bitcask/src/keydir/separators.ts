/**
 * The lower bounds of all leaves but the first (whose bound is "before every key"), sorted.
 *
 * Beside each bound lies its head: the first 52 bits behind the words that all bounds share, as a
 * double. A search is a binary search over heads and looks at whole bounds only where heads tie.
 */
import { compareKeyWords, compareWords, headOf, type KeyWords, wordAt } from "./key-words.js";
import type { RecordTable } from "./record-table.js";

export class Separators {
  /** `bounds[0]` stands for "before every key" and is never looked at. */
  private readonly bounds: KeyWords[] = [{ words: new Int32Array(0), wordCount: 0, length: 0 }];
  private heads = new Float64Array(64);
  /** Words that all bounds from 1 on share. */
  private skip = 0;

  /** Number of leaves that the bounds divide keys among. */
  get count(): number {
    return this.bounds.length;
  }

  /** The leaf whose range holds the key. */
  find(key: KeyWords): number {
    const count = this.bounds.length;
    if (count === 1) return 0;
    const common = (this.bounds[1] as KeyWords).words;
    for (let index = 0; index < this.skip; index++) {
      const order = compareWords(wordAt(key, index), common[index] as number);
      if (order !== 0) return order < 0 ? 0 : count - 1;
    }
    const head = headOf(wordAt(key, this.skip), wordAt(key, this.skip + 1));
    const heads = this.heads;
    let low = 1;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = heads[middle] as number;
      if (
        other < head ||
        (other === head && compareKeyWords(this.boundOf(middle), key, this.skip) <= 0)
      ) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  /** As {@link Separators.find}, for the key of a record. */
  findRecord(records: RecordTable, id: number): number {
    const count = this.bounds.length;
    if (count === 1) return 0;
    const { skip, heads } = this;
    const common = (this.bounds[1] as KeyWords).words;
    for (let index = 0; index < skip; index++) {
      const order = compareWords(records.keyWord(id, index), common[index] as number);
      if (order !== 0) return order < 0 ? 0 : count - 1;
    }
    const head = headOf(records.keyWord(id, skip), records.keyWord(id, skip + 1));
    let low = 1;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = heads[middle] as number;
      if (other < head || (other === head && records.compareTo(id, this.boundOf(middle)) >= 0)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  /** The lower bound of a leaf other than the first. */
  boundOf(leaf: number): KeyWords {
    return this.bounds[leaf] as KeyWords;
  }

  /** Words that all keys in a leaf's range are known to share. */
  sharedWords(leaf: number): number {
    if (leaf === 0 || leaf === this.bounds.length - 1) return 0;
    const low = this.boundOf(leaf);
    const high = this.boundOf(leaf + 1);
    let shared = 0;
    while (shared < low.wordCount && wordAt(low, shared) === wordAt(high, shared)) shared++;
    return Math.min(shared, low.length >>> 2, high.length >>> 2);
  }

  /** Makes `bound` the lower bound of a new leaf `index` >= 1; later leaves move up by one. */
  insert(index: number, bound: KeyWords): void {
    this.bounds.splice(index, 0, bound);
    const count = this.bounds.length;
    if (count > this.heads.length) {
      const wider = new Float64Array(2 * this.heads.length);
      wider.set(this.heads);
      this.heads = wider;
    }
    if (this.refreshSkip()) return;
    this.heads.copyWithin(index + 1, index, count - 1);
    this.heads[index] = this.headOfBound(index);
  }

  /** Takes out leaf `index`; its range goes to the leaf before it, or that of 0 to the next one. */
  remove(index: number): void {
    const gone = Math.max(1, index);
    this.bounds.splice(gone, 1);
    if (!this.refreshSkip()) this.heads.copyWithin(gone, gone + 1, this.bounds.length + 1);
  }

  /** Sets all bounds at once: `bounds[i]` becomes the lower bound of leaf `i + 1`. */
  replaceAll(bounds: readonly KeyWords[]): void {
    this.bounds.length = 1;
    for (const bound of bounds) this.bounds.push(bound);
    this.heads = new Float64Array(Math.max(64, 2 * this.bounds.length));
    this.skip = -1;
    this.refreshSkip();
  }

  /** Bytes taken by bounds and heads. */
  get bytes(): number {
    let bytes = this.heads.byteLength;
    for (const bound of this.bounds) bytes += 64 + bound.words.byteLength;
    return bytes;
  }

  private headOfBound(index: number): number {
    const { words } = this.bounds[index] as KeyWords;
    return headOf(words[this.skip] ?? 0, words[this.skip + 1] ?? 0);
  }

  /** @returns true when the shared prefix changed and all heads were made anew */
  private refreshSkip(): boolean {
    const count = this.bounds.length;
    if (count === 1) return false;
    const first = (this.bounds[1] as KeyWords).words;
    const last = (this.bounds[count - 1] as KeyWords).words;
    const limit = Math.min(first.length, last.length);
    let skip = 0;
    while (skip < limit && first[skip] === last[skip]) skip++;
    // A lone bound shares everything with itself; its last word stays, for the search to look at.
    if (count === 2) skip = Math.max(0, limit - 1);
    if (skip === this.skip) return false;
    this.skip = skip;
    for (let index = 1; index < count; index++) this.heads[index] = this.headOfBound(index);
    return true;
  }
}
