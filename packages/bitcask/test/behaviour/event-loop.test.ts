import { describe, expect, test } from "vitest";
import type { Bitcask, SyncMode } from "../../src/index.js";
import { MemoryFileSystem } from "../../src/testing/index.js";
import { Bench } from "./bench-store.js";

/** What `docs/decisions/0009-write-path.md` grants to the disk between two turns. */
const MAX_BLOCKED_MS = 5;
const MAX_BLOCKED_GROUPS = 256;
const WRITE_MS = 1;
const MODES = ["always", "interval", "never"] as const;

/** A disk whose every write takes 1 ms, and an event loop that counts what it waits for. */
class BusyLoop {
  readonly bench = new Bench();
  nowMs = 0;
  turns = 0;
  mostBlockedMs = 0;
  private blockedMs = 0;
  private isOver = false;

  constructor(writeMs: number) {
    const { clock } = this.bench;
    // The timers of this clock never fire: time passes without the event loop getting a turn.
    clock.monotonicMs = () => this.nowMs;
    this.bench.fileSystem = new MemoryFileSystem({ clock, defer: turnOfEventLoop });
    this.bench.fileSystem.onOperation = ({ kind }) => {
      if (kind !== "write") return;
      this.nowMs += writeMs;
      this.blockedMs += writeMs;
      this.mostBlockedMs = Math.max(this.mostBlockedMs, this.blockedMs);
    };
  }

  /** Runs `work` on a store, watching the loop. */
  async watch(sync: SyncMode, work: (db: Bitcask) => Promise<void>): Promise<void> {
    const db = await this.bench.open({ sync });
    this.turn();
    this.mostBlockedMs = 0;
    await work(db);
    this.isOver = true;
    await db.close();
  }

  private turn(): void {
    this.blockedMs = 0;
    this.turns += 1;
    if (!this.isOver) setImmediate(() => this.turn());
  }
}

describe.each(MODES)("while writes never pause, with sync: %s,", (sync) => {
  test.each([
    ["small puts one by one", 1, 10],
    ["large puts one by one", 1, 200_000],
    ["many puts at once", 600, 10],
  ])("the event loop gets a turn after 5 ms of the disk: %s", async (_, count, valueBytes) => {
    const loop = new BusyLoop(WRITE_MS);
    const value = new Uint8Array(valueBytes);
    await loop.watch(sync, async (db) => {
      for (let round = 0; round < 20; round++) {
        const puts = Array.from({ length: count }, (_, index) => db.put(`key-${index}`, value));
        await Promise.all(puts);
      }
    });
    expect(loop.mostBlockedMs).toBeLessThanOrEqual(MAX_BLOCKED_MS + WRITE_MS);
  });

  test("the event loop gets a turn after some groups, and not for every put", async () => {
    const loop = new BusyLoop(0);
    await loop.watch(sync, async (db) => {
      for (let round = 0; round < 5 * MAX_BLOCKED_GROUPS; round++) await db.put("key", "value");
    });
    expect(loop.turns).toBeGreaterThan(4);
    expect(loop.turns).toBeLessThan(40);
  });
});

test("a timed sync that is due goes with the next write, though its timer has had no turn", async () => {
  const loop = new BusyLoop(0);
  const db = await loop.bench.open({ sync: "interval", syncIntervalMs: 100 });
  for (let round = 0; round < 35; round++) {
    await db.put("key", `value ${round}`);
    loop.nowMs += 10;
  }
  expect(db.stats().writes.syncs).toBe(3);
  await db.close();
});

function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
