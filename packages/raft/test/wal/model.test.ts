import { describe, expect, test } from "vitest";
import { seededRandom, testSeed } from "../support/seeded-random.js";
import { applyUpdates, describeState, describeWal, type NaiveState } from "./support/naive-log.js";
import { createWorld, openWal } from "./support/wal-world.js";
import { WorkloadPlanner } from "./support/workload.js";

/** These have found something once. */
const KNOWN_SEEDS = [2_090_856_609];
const RUNS = Number(process.env["TITAN_RUNS"] ?? 4);

describe("a log shows what its plain twin shows", () => {
  const first = testSeed();
  test.each([...KNOWN_SEEDS, ...Array.from({ length: RUNS }, (_, run) => first + run)])(
    "TITAN_SEED=%i",
    async (seed) => {
      const random = seededRandom(seed);
      const planner = new WorkloadPlanner(random);
      const world = createWorld(undefined, seed);
      let wal = await openWal(world);
      let twin: NaiveState = new Map();
      for (let step = 0; step < 120; step += 1) {
        const updates = planner.nextBatch();
        twin = applyUpdates(twin, updates);
        const blocking = random.nextInt(2) === 0 ? wal.tryAppendSync(updates) : undefined;
        if (blocking === undefined) await wal.append(updates, { sync: random.nextInt(3) > 0 });
        planner.markWritten();
        if (random.nextInt(10) === 0) await wal.collectGarbage();
        if (random.nextInt(25) === 0) {
          await wal.close();
          wal = await openWal(world);
        }
        expect(describeWal(wal)).toBe(describeState(twin));
      }
      await wal.close();
      wal = await openWal(world);
      expect(describeWal(wal)).toBe(describeState(twin));
      await wal.close();
      expect(world.fileSystem.openHandleCount).toBe(0);
    },
  );
});
