/**
 * Iterators against an array: whatever is written meanwhile, and wherever they seek, they show the
 * database as it was when they were made. `TITAN_SEED` replays a run.
 */
import { expect, test } from "vitest";
import type { BitcaskLevel } from "../../src/level/index.js";
import { SeededRandom, seedFrom } from "../../src/testing/index.js";
import { LevelBench } from "./memory-level.js";

const LIVES = 300;
const STEPS = 60;
const KEYS = ["", "\0", "\0\0", "\0\0\0", "\0a", "a", "a\0", "ab", "b", "ba", "c", "é", "z", "z\0"];

interface Range {
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
  reverse: boolean;
}

type Entry = [key: string, value: string];
type Mode = "iterator" | "keys" | "values";

interface Cursor {
  next(): Promise<unknown>;
  nextv(size: number): Promise<unknown[]>;
  seek(target: string): void;
  close(): Promise<void>;
}

interface Reader {
  readonly cursor: Cursor;
  readonly mode: Mode;
  readonly range: Range;
  /** What it has to show, in its order; known once the reference has been read. */
  readonly rows: Promise<readonly Entry[]>;
  index: number;
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isWithin(key: string, { gt, gte, lt, lte }: Range): boolean {
  if (gte !== undefined ? compare(key, gte) < 0 : gt !== undefined && compare(key, gt) <= 0) {
    return false;
  }
  return lte !== undefined ? compare(key, lte) <= 0 : lt === undefined || compare(key, lt) < 0;
}

class Life {
  readonly counts = { seeks: 0, rows: 0, iterators: 0 };
  private readonly random: SeededRandom;
  private readonly db: BitcaskLevel;
  private readonly model = new Map<string, string>();
  private readers: Reader[] = [];
  private writesUnderWay: Promise<void>[] = [];
  private writes = 0;

  constructor(random: SeededRandom) {
    this.random = random;
    this.db = new LevelBench().create();
  }

  async run(): Promise<void> {
    await this.db.open();
    for (let step = 0; step < STEPS; step++) await this.step();
    await Promise.all(this.writesUnderWay);
    for (const reader of this.readers) await this.read(reader, 100);
    await this.db.close();
  }

  private async step(): Promise<void> {
    const { random } = this;
    const reader = this.readers[random.nextInt(this.readers.length + 1)];
    switch (random.nextInt(8)) {
      case 0:
        // At times a write is called just before, in the same turn, and shows at any moment after.
        if (random.nextInt(2) === 0) this.write();
        return this.openReader();
      case 1:
        if (random.nextInt(8) === 0) return this.clear();
        return this.write();
      case 2:
        return this.write();
      case 3:
        await Promise.all(this.writesUnderWay.splice(0));
        return;
      case 4:
        if (reader !== undefined) await this.read(reader, random.nextInt(4));
        return;
      case 5:
      case 6:
        if (reader !== undefined) await this.seek(reader);
        return;
      default:
        if (reader === undefined || random.nextInt(4) > 0) return;
        this.readers = this.readers.filter((other) => other !== reader);
        return reader.cursor.close();
    }
  }

  private key(): string {
    return KEYS[this.random.nextInt(KEYS.length)] as string;
  }

  private range(): Range {
    const range: Range = { reverse: this.random.nextInt(2) === 0 };
    for (const bound of ["gt", "gte", "lt", "lte"] as const) {
      if (this.random.nextInt(6) === 0) range[bound] = this.key();
    }
    return range;
  }

  private async openReader(): Promise<void> {
    const range = this.range();
    const mode = (["iterator", "keys", "values"] as const)[this.random.nextInt(3)] as Mode;
    const isQuiet = this.writesUnderWay.length === 0;
    const cursor = this.open(mode, range);
    // Made in the same turn: with writes under way, only the store knows which of them it shows.
    const reference = this.db.iterator(range).all() as Promise<Entry[]>;
    this.readers.push({ cursor, mode, range, rows: reference, index: 0 });
    this.counts.iterators += 1;
    if (isQuiet) expect(await reference).toEqual(this.modelRows(range));
    else reference.catch(() => undefined);
  }

  private open(mode: Mode, range: Range): Cursor {
    if (mode === "iterator") return this.db.iterator(range);
    return mode === "keys" ? this.db.keys(range) : this.db.values(range);
  }

  private modelRows(range: Range): Entry[] {
    const rows = [...this.model].filter(([key]) => isWithin(key, range));
    rows.sort(([a], [b]) => compare(a, b));
    return range.reverse ? rows.reverse() : rows;
  }

  private write(): void {
    const { random, model, db } = this;
    const key = this.key();
    const value = `v${this.writes++}`;
    switch (random.nextInt(4)) {
      case 0:
        model.delete(key);
        this.writesUnderWay.push(db.del(key));
        break;
      case 1: {
        const other = this.key();
        model.set(key, value).delete(other);
        const put = { type: "put", key, value } as const;
        this.writesUnderWay.push(db.batch([put, { type: "del", key: other }]));
        break;
      }
      case 2:
        model.set(key, value);
        this.writesUnderWay.push(db.put(key, value, { sync: random.nextInt(2) === 0 }));
        break;
      default:
        model.set(key, value);
        this.writesUnderWay.push(db.put(key, value));
    }
  }

  /** Clears what is there, so nothing may be under way. */
  private async clear(): Promise<void> {
    await Promise.all(this.writesUnderWay.splice(0));
    const range = this.range();
    for (const [key] of this.modelRows(range)) this.model.delete(key);
    await this.db.clear(range);
  }

  private async seek(reader: Reader): Promise<void> {
    const target = this.key();
    const rows = await reader.rows;
    const { range, cursor } = reader;
    cursor.seek(target);
    this.counts.seeks += 1;
    const found = rows.findIndex(([key]) => {
      const order = compare(key, target);
      return range.reverse ? order <= 0 : order >= 0;
    });
    reader.index = found < 0 || !isWithin(target, range) ? rows.length : found;
  }

  private async read(reader: Reader, size: number): Promise<void> {
    const rows = await reader.rows;
    const expected = rows.slice(reader.index, reader.index + Math.max(1, size));
    const items = expected.map(([key, value]) =>
      reader.mode === "iterator" ? [key, value] : reader.mode === "keys" ? key : value,
    );
    if (size > 0) expect(await reader.cursor.nextv(size)).toEqual(items);
    else expect(await reader.cursor.next()).toEqual(items[0]);
    reader.index += expected.length;
    this.counts.rows += expected.length;
  }
}

test(`iterators keep their view over ${LIVES} random lives of a database`, async () => {
  const seed = seedFrom(process.env, Math.floor(Math.random() * 2 ** 31));
  const random = new SeededRandom(seed);
  const totals = { seeks: 0, rows: 0, iterators: 0 };
  try {
    for (let life = 0; life < LIVES; life++) {
      const run = new Life(random.fork());
      await run.run();
      totals.seeks += run.counts.seeks;
      totals.rows += run.counts.rows;
      totals.iterators += run.counts.iterators;
    }
  } finally {
    process.stdout.write(`level iterators, TITAN_SEED=${seed}: ${JSON.stringify(totals)}\n`);
  }
  expect(totals.seeks).toBeGreaterThan(LIVES);
  expect(totals.rows).toBeGreaterThan(LIVES);
}, 120_000);
