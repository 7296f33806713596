/** A bit is turned over at every byte of every file of a closed store; no wrong value may come of it. */
import { describe, expect, test } from "vitest";
import { type Bitcask, isBitcaskError } from "../../src/index.js";
import { type MemoryDisk, MemoryFileSystem } from "../../src/testing/index.js";
import { readState, type State } from "../crash/history.js";
import { Machine } from "../crash/machine.js";
import { fixedWorkload, KEYS } from "../crash/workload.js";
import { FaultedRun } from "./faulted-run.js";

type Outcome = "refused on open" | "detected on read" | "harmless";

/** Several data files, hints, tombstones, a batch and a merge's output, closed cleanly. */
async function closedStore(): Promise<{ disk: MemoryDisk; state: State }> {
  const machine = new Machine();
  await new FaultedRun(machine).play(fixedWorkload().slice(0, 15));
  const db = await machine.open();
  const state = await readState(db, KEYS);
  await db.close();
  return { disk: machine.fileSystem.snapshot(), state };
}

async function outcomeOf(disk: MemoryDisk, state: State): Promise<Outcome> {
  let db: Bitcask;
  try {
    db = await new Machine({ disk }).open();
  } catch (error) {
    if (isBitcaskError(error) && ["BITCASK_CORRUPT", "BITCASK_NEWER_FORMAT"].includes(error.code)) {
      expect(error.file).toBeDefined();
      return "refused on open";
    }
    throw error;
  }
  try {
    const found = await readState(db, KEYS);
    if (found !== state) throw new Error(`silently wrong: ${found}`);
    return "harmless";
  } catch (error) {
    if (isBitcaskError(error) && error.code === "BITCASK_CORRUPT") return "detected on read";
    throw error;
  } finally {
    await db.close().catch(() => undefined);
  }
}

describe("a bit that rots at rest", () => {
  test("is found or harmless, at every byte of every file; no wrong value is served", async () => {
    const { disk, state } = await closedStore();
    const paths = disk.paths();
    expect(paths.filter((path) => path.endsWith(".data")).length).toBeGreaterThan(2);
    expect(paths.filter((path) => path.endsWith(".hint")).length).toBeGreaterThan(0);
    const counts = new Map<string, number>();
    for (const path of paths) {
      const { size } = disk.file(path);
      for (let offset = 0; offset < size; offset += 1) {
        const damaged = disk.clone();
        new MemoryFileSystem({}, damaged).flipBit(path, offset, (offset * 5 + 3) % 8);
        let outcome: Outcome;
        try {
          outcome = await outcomeOf(damaged, state);
        } catch (error) {
          throw new Error(`${path} at ${offset}: ${String(error)}`, { cause: error });
        }
        const kind = `${path.replace(/^.*[.]|^.*[/]/, "")}: ${outcome}`;
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
      }
    }
    const figures = [...counts].map(([kind, count]) => `${kind} ${count}`).sort();
    process.stdout.write(`bit flips: ${figures.join(", ")}\n`);
    // Damage to a hint is always harmless: the data file has it all.
    expect([...counts.keys()].filter((kind) => kind.startsWith("hint"))).toEqual([
      "hint: harmless",
    ]);
  }, 300_000);
});
