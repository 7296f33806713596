/** Scans see every write that was answered before they began, whatever else goes on. */
import { expect, test } from "vitest";
import type { Bitcask } from "../../src/index.js";
import { SeededRandom, seedFrom } from "../../src/testing/index.js";
import { Bench } from "./bench-store.js";

const KEYS = 6000;
const MODES = ["always", "interval", "never"] as const;

function keyOf(number: number): string {
  return `k${(Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0")}`;
}

class Race {
  private readonly db: Bitcask;
  private readonly random: SeededRandom;
  private readonly answered = new Set<string>();
  private nextKey = 0;
  scans = 0;

  constructor(db: Bitcask, random: SeededRandom) {
    this.db = db;
    this.random = random;
  }

  async run(callers: number): Promise<void> {
    const writers = Array.from({ length: callers }, () => this.write());
    await Promise.all([...writers, this.scanSlowly(), this.merge()]);
    this.scanAtOnce();
    expect(this.answered.size).toBe(KEYS);
  }

  private get isOver(): boolean {
    return this.nextKey >= KEYS;
  }

  private async write(): Promise<void> {
    while (!this.isOver) {
      const key = keyOf(this.nextKey++);
      await this.db.put(key, "value");
      this.answered.add(key);
      if (this.random.nextInt(4) === 0) await this.db.put(key, "another");
      if (this.random.nextInt(1000) === 0) this.scanAtOnce();
      if (this.random.nextInt(50) === 0) await turn();
    }
  }

  private scanAtOnce(): void {
    const expected = new Set(this.answered);
    for (const key of this.db.keysSync()) expected.delete(Buffer.from(key).toString());
    this.check(expected);
  }

  /** With pauses, so that writes, sorting scans and merges come between its rows. */
  private async scanSlowly(): Promise<void> {
    do {
      const expected = new Set(this.answered);
      const reverse = this.random.nextInt(2) === 0;
      for await (const key of this.db.keys({ reverse })) {
        expected.delete(Buffer.from(key).toString());
        if (this.random.nextInt(200) === 0) await turn();
      }
      this.check(expected);
      await turn();
    } while (!this.isOver);
  }

  private async merge(): Promise<void> {
    while (!this.isOver) {
      for (let waited = 0; waited < 20; waited++) await turn();
      await this.db.merge();
    }
  }

  private check(missing: ReadonlySet<string>): void {
    this.scans += 1;
    expect([...missing]).toEqual([]);
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const seed = seedFrom(process.env, Math.floor(Math.random() * 2 ** 31));
process.stdout.write(`scans beside writers, TITAN_SEED=${seed}\n`);

for (const sync of MODES) {
  test(`no scan misses a write that was answered before it, sync ${sync}`, async () => {
    const random = new SeededRandom(seed);
    const bench = new Bench();
    const dataFileMaxBytes = 2 ** (14 + random.nextInt(4));
    const db = await bench.open({ sync, dataFileMaxBytes, autoMerge: random.nextInt(2) === 0 });
    const race = new Race(db, random);
    await race.run([1, 16, 64, 300][random.nextInt(4)] ?? 1);
    expect(race.scans).toBeGreaterThan(1);
    await db.close();
    const again = await bench.open();
    expect(again.stats().keys).toBe(KEYS);
    await again.close();
  });
}
