/**
 * Ways to keep an order over the records of a hash table, side by side: the cost per fresh key, the
 * first scan of 100 rows after all of them, and the bytes per key of the order alone. Records, keys
 * and comparisons are the same for all. Figures: docs/decisions/0007-keydir.md.
 *
 *   npx esbuild bench/keydir-order.bench.ts --bundle --platform=node --format=esm --outfile=<file>.mjs
 *   node <file>.mjs [keys, default 1000000]
 */
import { performance } from "node:perf_hooks";
import { KeyOrder } from "../src/keydir/key-order.js";
import { KeyProbe } from "../src/keydir/key-probe.js";
import type { KeyWords } from "../src/keydir/key-words.js";
import { LeafSort } from "../src/keydir/leaf-sort.js";
import { createLocation } from "../src/keydir/location.js";
import { MemoryBudget } from "../src/keydir/memory-budget.js";
import { RecordTable } from "../src/keydir/record-table.js";
import { Separators } from "../src/keydir/separators.js";

interface Order {
  insert(id: number, key: KeyWords): void;
  /** The first `rows` record numbers not before `key`. */
  scan(key: KeyWords, rows: number): number[];
  bytes(): number;
}

const budget = new MemoryBudget(Number.POSITIVE_INFINITY);
const records = new RecordTable(budget);

/** What the keydir does: leaves by range, sorted within when scanned. */
function lazyLeaves(): Order {
  const own = new MemoryBudget(Number.POSITIVE_INFINITY);
  const order = new KeyOrder(records, own);
  return {
    insert: (id) => order.insert(id),
    scan(key, rows) {
      order.settle();
      const ids: number[] = [];
      let index = order.findLeaf(key);
      let leaf = order.sortedLeaf(index);
      let at = order.position(leaf, key, false);
      while (ids.length < rows) {
        if (at === leaf.sorted) {
          if (++index === order.leafCount) break;
          leaf = order.sortedLeaf(index);
          at = 0;
        }
        ids.push(leaf.ids[at++] as number);
      }
      return ids;
    },
    bytes: () => own.bytes + order.boundBytes,
  };
}

/** A B+tree of two levels whose leaves are always sorted. */
function sortedLeaves(capacity: number): Order {
  const separators = new Separators();
  const leaves = [{ ids: new Int32Array(capacity), count: 0 }];
  const position = (ids: Int32Array, count: number, key: KeyWords): number => {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (records.compareTo(ids[middle] as number, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    insert(id, key) {
      let index = separators.find(key);
      let leaf = leaves[index]!;
      if (leaf.count === capacity) {
        const half = capacity >>> 1;
        const right = { ids: new Int32Array(capacity), count: capacity - half };
        right.ids.set(leaf.ids.subarray(half));
        leaf.count = half;
        leaves.splice(index + 1, 0, right);
        separators.insert(index + 1, records.keyWords(right.ids[0] as number));
        index = separators.find(key);
        leaf = leaves[index]!;
      }
      const at = position(leaf.ids, leaf.count, key);
      leaf.ids.copyWithin(at + 1, at, leaf.count++);
      leaf.ids[at] = id;
    },
    scan(key, rows) {
      const ids: number[] = [];
      let index = separators.find(key);
      let at = position(leaves[index]!.ids, leaves[index]!.count, key);
      for (; index < leaves.length && ids.length < rows; index++, at = 0) {
        const leaf = leaves[index]!;
        while (at < leaf.count && ids.length < rows) ids.push(leaf.ids[at++] as number);
      }
      return ids;
    },
    bytes: () => leaves.length * capacity * 4 + separators.bytes,
  };
}

/** Pugh's skip list, a quarter of the nodes per level, links in one array. */
function skipList(keys: number): Order {
  const towers = new Int32Array(Math.ceil(keys * 1.4) + 64);
  const start = new Int32Array(keys + 1);
  const LEVELS = 12;
  let next = LEVELS;
  let state = 1;
  const before = new Int32Array(LEVELS);
  const search = (key: KeyWords): number => {
    let node = 0;
    for (let level = LEVELS - 1; level >= 0; level--) {
      for (;;) {
        const after = towers[(start[node] as number) + level] as number;
        if (after === 0 || records.compareTo(after, key) >= 0) break;
        node = after;
      }
      before[level] = node;
    }
    return towers[start[node] as number] as number;
  };
  return {
    insert(id, key) {
      search(key);
      state = Math.imul(state, 1_664_525) + 1_013_904_223;
      let height = 1;
      for (let dice = state >>> 8; (dice & 3) === 0 && height < LEVELS; dice >>>= 2) height++;
      start[id] = next;
      for (let level = 0; level < height; level++) {
        const link = (start[before[level] as number] as number) + level;
        towers[next + level] = towers[link] as number;
        towers[link] = id;
      }
      next += height;
    },
    scan(key, rows) {
      const ids: number[] = [];
      for (let id = search(key); id !== 0 && ids.length < rows; ) {
        ids.push(id);
        id = towers[start[id] as number] as number;
      }
      return ids;
    },
    bytes: () => 4 * (next + keys),
  };
}

/** Log-structured: runs of 8192 sorted, four of a size merged into one. A scan merges all runs. */
function sortedRuns(): Order {
  const sorter = new LeafSort(records);
  const levels: Int32Array[][] = [];
  let fresh: Int32Array = new Int32Array(8192);
  let count = 0;
  const merge = (a: Int32Array, b: Int32Array): Int32Array => {
    const out = new Int32Array(a.length + b.length);
    let i = 0;
    let j = 0;
    for (let at = 0; at < out.length; at++) {
      const left =
        j === b.length ||
        (i < a.length && records.compareKeys(a[i] as number, b[j] as number) <= 0);
      out[at] = (left ? a[i++] : b[j++]) as number;
    }
    return out;
  };
  const seal = (): void => {
    sorter.sort(fresh, 0, count);
    let run: Int32Array = fresh.slice(0, count);
    for (let level = 0; ; level++) {
      const runs = (levels[level] ??= []);
      runs.push(run);
      if (runs.length < 4) break;
      run = merge(merge(runs[0]!, runs[1]!), merge(runs[2]!, runs[3]!));
      levels[level] = [];
    }
    fresh = new Int32Array(8192);
    count = 0;
  };
  return {
    insert(id) {
      fresh[count++] = id;
      if (count === fresh.length) seal();
    },
    scan(key, rows) {
      if (count > 0) seal();
      const heads = levels.flat().map((run) => {
        let low = 0;
        let high = run.length;
        while (low < high) {
          const middle = (low + high) >>> 1;
          if (records.compareTo(run[middle] as number, key) < 0) low = middle + 1;
          else high = middle;
        }
        return { run, at: low };
      });
      const ids: number[] = [];
      while (ids.length < rows) {
        let best: { run: Int32Array; at: number } | undefined;
        for (const head of heads) {
          if (head.at === head.run.length) continue;
          const id = head.run[head.at] as number;
          if (best && records.compareKeys(id, best.run[best.at] as number) >= 0) continue;
          best = head;
        }
        if (best === undefined) break;
        ids.push(best.run[best.at++] as number);
      }
      return ids;
    },
    bytes: () => 4 * (fresh.length + levels.flat().reduce((sum, run) => sum + run.length, 0)),
  };
}

function main(): void {
  const count = Number(process.argv[2] ?? 1_000_000);
  const probe = new KeyProbe({ k0: 1, k1: 2 });
  const slice = Buffer.alloc(16);
  const location = { ...createLocation(), sequence: 1 };
  for (let i = 0; i < count; i++) {
    let h = Math.imul(i ^ (i >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    slice.write(
      ((h ^ (h >>> 16)) >>> 0).toString(16).padStart(8, "0") + String(i).padStart(8, "0"),
    );
    probe.load(slice);
    records.reserve(1, 16);
    const id = records.allocate();
    records.writeKey(id, probe);
    records.writeLocation(id, location);
  }
  const middle = (probe.load("8"), { words: probe.words.slice(0, 1), wordCount: 1, length: 1 });
  const reference: number[] = [];
  const candidates: [string, () => Order][] = [
    ["leaves of 8192 by range, sorted when scanned", lazyLeaves],
    ["B+tree, sorted leaves of 512", () => sortedLeaves(512)],
    ["B+tree, sorted leaves of 128", () => sortedLeaves(128)],
    ["skip list", () => skipList(count)],
    ["sorted runs, merged by four", sortedRuns],
  ];
  for (const [name, create] of candidates) {
    for (const measured of [false, true]) {
      const order = create();
      const total = measured ? count : Math.min(count, 100_000);
      let worst = 0;
      let elapsed = 0;
      for (let from = 1; from <= total; from += 256) {
        const keys = Array.from({ length: 256 }, (_, i) =>
          records.keyWords(Math.min(from + i, total)),
        );
        const start = performance.now();
        for (let i = 0; i < 256 && from + i <= total; i++) order.insert(from + i, keys[i]!);
        const took = performance.now() - start;
        worst = Math.max(worst, took);
        elapsed += took;
      }
      const start = performance.now();
      const ids = order.scan(middle, 100);
      const scan = performance.now() - start;
      if (!measured) continue;
      if (reference.length === 0) reference.push(...ids);
      if (ids.join() !== reference.join()) throw new Error(`${name} is out of order`);
      console.log(
        `${name.padEnd(46)} ${((elapsed * 1e6) / total).toFixed(0).padStart(5)} ns/insert`,
        `${worst.toFixed(1).padStart(7)} ms worst 256 ${scan.toFixed(2).padStart(7)} ms first scan`,
        `${(order.bytes() / total).toFixed(1).padStart(5)} B/key`,
      );
    }
  }
}

main();
