/** Power cuts before every change of the disk that a recorded workload makes. */

import { crashChoices, isChange, type MemoryDisk, MemoryFileSystem } from "@titan/bitcask/testing";
import { describe, expect, test } from "vitest";
import { seededRandom, testSeed } from "../support/seeded-random.js";
import { applyUpdates, describeState, describeWal, type NaiveState } from "./support/naive-log.js";
import { createWorld, openWal } from "./support/wal-world.js";
import { WorkloadPlanner } from "./support/workload.js";

const RUNS = Number(process.env["TITAN_RUNS"] ?? 1);
const STEPS = 40;

/** The disk before one change, and which batches it must and may hold. */
interface CrashPoint {
  readonly disk: MemoryDisk;
  readonly operation: string;
  /** Batches acknowledged as durable by then, and batches begun. */
  readonly durable: number;
  readonly begun: number;
}

/** Runs a workload and notes the disk before each of its changes. */
async function record(seed: number) {
  const random = seededRandom(seed);
  const planner = new WorkloadPlanner(random);
  const fileSystem = new MemoryFileSystem();
  const states: NaiveState[] = [new Map()];
  const points: CrashPoint[] = [];
  const progress = { durable: 0, begun: 0 };
  fileSystem.onOperation = (operation) => {
    if (!isChange(operation)) return;
    const label = `${operation.kind} ${operation.path}`;
    points.push({ disk: fileSystem.snapshot(), operation: label, ...progress });
  };
  let world = createWorld(fileSystem, seed);
  let wal = await openWal(world);
  for (let step = 0; step < STEPS; step += 1) {
    const updates = planner.nextBatch();
    states.push(applyUpdates(states.at(-1)!, updates));
    progress.begun += 1;
    const sync = random.nextInt(3) > 0;
    const blocking = random.nextInt(2) === 0 ? wal.tryAppendSync(updates, { sync }) : undefined;
    const receipt = blocking ?? (await wal.append(updates, { sync }));
    if (receipt.isDurable) progress.durable = progress.begun;
    planner.markWritten();
    if (step % 9 === 8) await wal.collectGarbage();
    if (step % 20 === 19) {
      await wal.close();
      progress.durable = progress.begun;
      world = createWorld(fileSystem, seed + step);
      wal = await openWal(world);
    }
  }
  await wal.close();
  return { points, states: states.map(describeState) };
}

describe("after a power cut at any change, a log holds all that was durable, and whole batches", () => {
  const first = testSeed();
  test.each(Array.from({ length: RUNS }, (_, run) => first + run))(
    "TITAN_SEED=%i",
    async (seed) => {
      const { points, states } = await record(seed);
      const random = seededRandom(seed);
      expect(points.length).toBeGreaterThan(100);
      for (const point of points) {
        const before = new MemoryFileSystem({}, point.disk);
        const bounds = { exhaustive: 4, extremes: 5, samples: 2 };
        for (const choice of crashChoices(before.crashDecisions(), random, bounds)) {
          const survivor = new MemoryFileSystem({}, point.disk.clone()).crash(choice);
          const wal = await openWal(createWorld(survivor, seed + 1_000_000));
          const found = describeWal(wal);
          const allowed = states.slice(point.durable, point.begun + 1);
          expect(allowed, `before ${point.operation}, choice ${choice.join()}`).toContain(found);
          await wal.close();
        }
      }
    },
    60_000,
  );
});
