/**
 * The keydir alone: time per operation, bytes per key, longest pause, cost of the order, time to load.
 * Each case runs in a process of its own, so that resident memory means something:
 *
 *   npx tsup bench/keydir.bench.ts --out-dir <dir> --format esm && node --expose-gc <dir>/keydir.bench.js
 *
 * Arguments: key counts (default 1000000 10000000). Keys are 16 ASCII characters, uniform, from a
 * fixed seed; set-up is not timed.
 */
import { spawnSync } from "node:child_process";
import { PerformanceObserver, performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import type { KeySlice } from "../src/keydir/key-probe.js";
import { Keydir } from "../src/keydir/keydir.js";
import { createLocation } from "../src/keydir/location.js";

const SEED = 20_240_607;
const KEY_BYTES = 16;

/** A bijection on 32 bits, so that keys are distinct and in no order (the murmur3 finalizer). */
function scramble(index: number): number {
  let h = (index ^ SEED) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const HEX = Buffer.from("0123456789abcdef");
const KEY = Buffer.from("key-0000-0000000");

/** "k" and 8 hexadecimal digits of a scrambled number, then 7 more of the number itself. */
function keyBytes(index: number): Buffer {
  const high = scramble(index);
  for (let digit = 0; digit < 8; digit++) KEY[digit] = HEX[(high >>> (28 - digit * 4)) & 15] ?? 0;
  for (let digit = 0; digit < 8; digit++) {
    KEY[8 + digit] = HEX[(index >>> (28 - digit * 4)) & 15] ?? 0;
  }
  return KEY;
}

const BATCH = 65_536;
const PAUSE = { max: 0 };

/**
 * Runs `count` operations in batches with flat strings made beforehand, untimed.
 * @returns nanoseconds of processor time per operation: wall time would count the neighbours
 */
function timed(count: number, pick: (i: number) => number, run: (key: string, i: number) => void) {
  let elapsed = 0;
  const keys: string[] = Array.from({ length: BATCH }, () => "");
  for (let done = 0; done < count; done += BATCH) {
    const size = Math.min(BATCH, count - done);
    for (let i = 0; i < size; i++) keys[i] = keyBytes(pick(done + i)).toString("latin1");
    const start = process.cpuUsage();
    for (let from = 0; from < size; from += 256) {
      const begin = performance.now();
      const to = Math.min(size, from + 256);
      for (let i = from; i < to; i++) run(keys[i] as string, done + i);
      const took = performance.now() - begin;
      if (took > PAUSE.max) PAUSE.max = took;
    }
    const { user, system } = process.cpuUsage(start);
    elapsed += user + system;
  }
  return (elapsed * 1e3) / count;
}

function residentBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

const random = {
  state: SEED,
  nextInt(bound: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) | 0;
    return Math.floor(((this.state >>> 0) / 2 ** 32) * bound);
  },
};

let sequence = 0;
function fill(keydir: Keydir, count: number): number {
  const location = createLocation();
  location.size = 140;
  return timed(
    count,
    (i) => i,
    (key, i) => {
      location.fileId = i >>> 20;
      location.position = (i & 0xfffff) * 140;
      location.sequence = ++sequence;
      keydir.set(key, location);
    },
  );
}

function scanRows(keydir: Keydir, rows: number, from?: string): number {
  const out = createLocation();
  const start = performance.now();
  const cursor = keydir.cursor(from === undefined ? { limit: rows } : { gte: from, limit: rows });
  let sum = 0;
  while (cursor.next()) {
    cursor.location(out);
    sum += out.size + cursor.key().length;
  }
  if (sum < 0) throw new Error("unreachable");
  return performance.now() - start;
}

function report(name: string, value: number, unit: string): void {
  console.log(`  ${name.padEnd(52)} ${value.toFixed(value < 100 ? 2 : 0).padStart(9)} ${unit}`);
}

async function operations(count: number, ordered: boolean): Promise<void> {
  const gcPauses: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) gcPauses.push(entry.duration);
  });
  // Warm the JIT on a throw-away keydir.
  const warm = new Keydir({ random }, { ordered });
  fill(warm, 200_000);
  timed(
    200_000,
    (i) => i,
    (key) => warm.has(key),
  );
  sequence = 0;
  PAUSE.max = 0;
  const empty = residentBytes();
  observer.observe({ entryTypes: ["gc"] });
  const keydir = new Keydir({ random }, { ordered });
  report("set, fresh key", fill(keydir, count), "ns");
  report("longest pause in 256 sets", PAUSE.max, "ms");
  report("resident bytes per key", (residentBytes() - empty) / count, "B");
  report("allocated bytes per key", keydir.stats().bytes / count, "B");
  const out = createLocation();
  const any = (): number => random.nextInt(count);
  const reads = Math.min(count, 2_000_000);
  report(
    "get, uniform",
    timed(reads, any, (key) => void keydir.get(key, out)),
    "ns",
  );
  report(
    "get, missing",
    timed(
      reads,
      (i) => count + i,
      (key) => void keydir.get(key, out),
    ),
    "ns",
  );
  const location = createLocation();
  const overwrite = (key: string): void => {
    location.sequence = ++sequence;
    keydir.set(key, location, out);
  };
  report("set, overwrite", timed(reads, any, overwrite), "ns");
  if (ordered) scans(keydir, count, any);
  PAUSE.max = 0;
  const remove = (key: string): void => void keydir.delete(key, ++sequence, out);
  const removed = Math.floor(count / 2);
  report(
    "delete, half of the keys",
    timed(removed, (i) => i * 2, remove),
    "ns",
  );
  report("longest pause in 256 deletes", PAUSE.max, "ms");
  // The observer hears of collections in a later turn.
  await new Promise((resolve) => setTimeout(resolve, 50));
  report("longest collection, all phases", Math.max(0, ...gcPauses), "ms");
  observer.disconnect();
}

function scans(keydir: Keydir, count: number, any: () => number): void {
  report("first scan of 100 rows after unordered sets", scanRows(keydir, 100), "ms");
  const key = (): string => keyBytes(any()).toString("latin1");
  report("another, elsewhere", scanRows(keydir, 100, key()), "ms");
  report("all rows, sorting as it goes", (scanRows(keydir, count) * 1e6) / count, "ns/row");
  report("all rows again", (scanRows(keydir, count) * 1e6) / count, "ns/row");
  let total = 0;
  for (let i = 0; i < 2000; i++) total += scanRows(keydir, 100, key());
  report("100 rows from anywhere", (total * 1e6) / 200_000, "ns/row");
  const out = createLocation();
  const snapshot = keydir.snapshot();
  const location = createLocation();
  const overwrite = (k: string): void => {
    location.sequence = ++sequence;
    keydir.set(k, location, out);
  };
  report("set, overwrite under a snapshot", timed(500_000, any, overwrite), "ns");
  report(
    "get, through that snapshot",
    timed(500_000, any, (k) => void keydir.get(k, out, snapshot)),
    "ns",
  );
  snapshot.release();
}

/** As from hint files: `files` runs, each sorted by key, in one buffer each. */
function load(count: number, files: number): void {
  const warm = new Keydir({ random });
  loadInto(warm, 200_000, files);
  const keydir = new Keydir({ random });
  const empty = residentBytes();
  const ms = loadInto(keydir, count, files);
  report(`load, ${files} sorted runs: to first get`, ms, "ms");
  report("  per key", (ms * 1e6) / count, "ns");
  report("first scan of 100 rows after it", scanRows(keydir, 100), "ms");
  report(
    "resident bytes per key (with the test's buffers)",
    (residentBytes() - empty) / count,
    "B",
  );
}

function sortedRun(from: number, to: number): Buffer {
  const order = new Float64Array(to - from);
  for (let i = from; i < to; i++) order[i - from] = scramble(i) * 2 ** 20 + (i - from);
  order.sort();
  const run = Buffer.allocUnsafe((to - from) * KEY_BYTES);
  for (let i = 0; i < order.length; i++) {
    keyBytes(from + ((order[i] as number) % 2 ** 20)).copy(run, i * KEY_BYTES);
  }
  return run;
}

function loadInto(keydir: Keydir, count: number, files: number): number {
  const share = Math.ceil(count / files);
  const runs: Buffer[] = [];
  for (let at = 0; at < count; at += share) runs.push(sortedRun(at, Math.min(count, at + share)));
  const location = createLocation();
  const start = performance.now();
  const loader = keydir.load();
  loader.expect(count);
  const slice: KeySlice = { bytes: new Uint8Array(0), start: 0, length: KEY_BYTES };
  for (const [file, run] of runs.entries()) {
    location.fileId = file;
    slice.bytes = run;
    for (let at = 0; at < run.length; at += KEY_BYTES) {
      slice.start = at;
      location.position = at * 8;
      location.sequence++;
      loader.add(slice, location);
    }
  }
  loader.finish();
  keydir.get(keyBytes(0), createLocation());
  return performance.now() - start;
}

async function main(): Promise<void> {
  const [mode, count, option] = process.argv.slice(2);
  if (mode === "operations") return operations(Number(count), option === "ordered");
  if (mode === "load") return load(Number(count), Number(option));
  const counts = mode === undefined ? ["1000000", "10000000"] : process.argv.slice(2);
  for (const keys of counts) {
    for (const args of [
      ["operations", keys, "ordered"],
      ["operations", keys, "unordered"],
      ["load", keys, "10"],
    ]) {
      console.log(args.join(" "));
      const node = ["--expose-gc", fileURLToPath(import.meta.url), ...args];
      spawnSync(process.execPath, node, { stdio: "inherit" });
    }
  }
}

await main();
