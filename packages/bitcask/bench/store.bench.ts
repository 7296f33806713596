/**
 * The store alone: operations per second of every path, one process, a directory that is removed.
 * For finding what costs; the comparison with other stores is in apps/bench.
 *
 *   npx tsup bench/store.bench.ts --out-dir <dir> --format esm && node <dir>/store.bench.js [count] [part…]
 *
 * The parts are `get`, `put`, `scan`, `open`, `delete` (default: all); `encrypted` and `compressed` say how
 * the store is made.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Bitcask, type BitcaskOptions, deflateCodec } from "../src/index.js";
import { SeededRandom } from "../src/testing/seeded-random.js";

const VALUE = Buffer.alloc(100, 7);
const LOAD_BATCH = 1000;
const ROWS = 100;
const [countArgument, ...parts] = process.argv.slice(2);
const wanted = parts.filter((part) => part !== "encrypted" && part !== "compressed");
const ENCODING: BitcaskOptions = {
  encryption: parts.includes("encrypted") ? { keyId: 1, key: Buffer.alloc(32, 1) } : undefined,
  compression: parts.includes("compressed") ? { codec: deflateCodec(), minBytes: 64 } : undefined,
};
const count = Number(countArgument ?? 1_000_000);
const random = new SeededRandom(1);

function report(name: string, operations: number, startedAt: number): void {
  const ms = performance.now() - startedAt;
  const perSecond = Math.round((operations / ms) * 1000).toLocaleString("en");
  console.log(
    `${name.padEnd(34)} ${perSecond.padStart(12)} /s  ${((ms * 1e6) / operations).toFixed(0)} ns`,
  );
}

function isWanted(part: string): boolean {
  return wanted.length === 0 || wanted.includes(part);
}

/** A bijection on 32 bits: keys are distinct and in no order. */
function keyOf(index: number): string {
  const h = Math.imul(index + 1, 0x9e3779b1) >>> 0;
  return `key-${String(h).padStart(12, "0")}`;
}

function missingKey(): string {
  return `nix-${String(random.nextInt(count)).padStart(12, "0")}`;
}

async function load(db: Bitcask): Promise<void> {
  const startedAt = performance.now();
  for (let from = 0; from < count; from += LOAD_BATCH) {
    const puts = Array.from({ length: Math.min(LOAD_BATCH, count - from) }, (_, index) => ({
      type: "put" as const,
      key: keyOf(from + index),
      value: VALUE,
    }));
    await db.batch(puts, { sync: "never" });
  }
  await db.sync();
  report("bulk load by batches of 1000", count, startedAt);
}

async function puts(db: Bitcask, callers: number, sync: "always" | "never"): Promise<void> {
  const turns = Math.max(
    1,
    Math.round((sync === "always" ? 1500 : 200_000) / (callers > 256 ? callers / 64 : 1)),
  );
  const startedAt = performance.now();
  for (let turn = 0; turn < turns; turn++) {
    if (callers === 1) {
      await db.put(keyOf(random.nextInt(count)), VALUE, { sync });
      continue;
    }
    const group: Promise<void>[] = [];
    for (let caller = 0; caller < callers; caller++) {
      group.push(db.put(keyOf(random.nextInt(count)), VALUE, { sync }));
    }
    await Promise.all(group);
  }
  report(`put, ${sync}, ${callers} callers`, turns * callers, startedAt);
}

function gets(name: string, db: Bitcask, key: () => string, operations: number): void {
  const startedAt = performance.now();
  let found = 0;
  for (let index = 0; index < operations; index++) {
    if (db.getSync(key()) !== undefined) found += 1;
  }
  report(`${name} (${found} found)`, operations, startedAt);
}

async function scans(db: Bitcask): Promise<void> {
  const any = () => keyOf(random.nextInt(count));
  let startedAt = performance.now();
  let rows = 0;
  for await (const { value } of db.entries({ gte: any(), limit: ROWS }))
    rows += value.length > 0 ? 1 : 0;
  console.log(`first scan of ${ROWS}: ${(performance.now() - startedAt).toFixed(2)} ms`);
  for (const _ of db.keysSync()) rows += 1;
  startedAt = performance.now();
  for (let scan = 0; scan < 2000; scan++) {
    for await (const { value } of db.entries({ gte: any(), limit: ROWS }))
      rows += value.length > 0 ? 1 : 0;
  }
  report("rows of entries()", 2000 * ROWS, startedAt);
  startedAt = performance.now();
  for (let scan = 0; scan < 2000; scan++) {
    for (const { value } of db.entriesSync({ gte: any(), limit: ROWS }))
      rows += value.length > 0 ? 1 : 0;
  }
  report("rows of entriesSync()", 2000 * ROWS, startedAt);
}

async function run(directory: string): Promise<void> {
  const options: BitcaskOptions = { autoMerge: false, ...ENCODING };
  let db = await Bitcask.open(directory, options);
  await load(db);
  const any = () => keyOf(random.nextInt(count));
  if (isWanted("get")) {
    gets("getSync, uniform", db, any, 500_000);
    gets("getSync, uniform", db, any, 500_000);
    gets("getSync, missing", db, missingKey, 1_000_000);
    const startedAt = performance.now();
    for (let index = 0; index < 200_000; index++) await db.get(any());
    report("get, uniform", 200_000, startedAt);
  }
  if (isWanted("put")) {
    await puts(db, 1, "never");
    for (const callers of [1, 16, 256, 4096]) await puts(db, callers, "always");
  }
  if (isWanted("scan")) await scans(db);
  if (isWanted("open")) {
    await db.close();
    const startedAt = performance.now();
    db = await Bitcask.open(directory, options);
    console.log(`open: ${(performance.now() - startedAt).toFixed(0)} ms`);
    gets("getSync after open", db, any, 100_000);
    const scanAt = performance.now();
    for await (const row of db.entries({ gte: any(), limit: ROWS }))
      if (row.key.length === 0) break;
    console.log(`first scan of ${ROWS} after open: ${(performance.now() - scanAt).toFixed(2)} ms`);
  }
  if (isWanted("delete")) {
    const startedAt = performance.now();
    for (let from = 0; from < count; from += LOAD_BATCH) {
      const deletes = Array.from({ length: LOAD_BATCH }, (_, index) => ({
        type: "delete" as const,
        key: keyOf(from + index),
      }));
      await db.batch(deletes, { sync: "never" });
    }
    await db.sync();
    report("delete by batches of 1000", count, startedAt);
  }
  await db.close();
}

const directory = await mkdtemp(join(tmpdir(), "bitcask-bench-"));
try {
  await run(directory);
} finally {
  await rm(directory, { recursive: true, force: true });
}
