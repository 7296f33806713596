import { describe, expect, test } from "vitest";
import { addCoverage, type Coverage, missedSites, runSeed } from "../../src/sim/index.js";
import { testSeed } from "../support/seeded-random.js";

const RUNS = Number(process.env["TITAN_RUNS"] ?? 4);
const FIRST_SEED = testSeed();
/** So many runs see everything that there is to see. */
const ENOUGH_RUNS = 2000;

describe("a cluster whose nodes, network and disks fail keeps its promises", () => {
  test(`${RUNS} seeds from TITAN_SEED=${FIRST_SEED}`, { timeout: 600_000 }, async () => {
    let coverage: Coverage | undefined;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
      const result = await runSeed(seed);
      expect(result.violation, `TITAN_SEED=${seed} TITAN_RUNS=1`).toBeUndefined();
      coverage = addCoverage(coverage, result.coverage);
    }
    expect(coverage?.["leader-elected"]).toBeGreaterThan(0);
    if (RUNS >= ENOUGH_RUNS && coverage !== undefined) expect(missedSites(coverage)).toEqual([]);
  });
});

describe("a run", () => {
  test("is the same when its seed is the same", async () => {
    const first = await runSeed(FIRST_SEED);
    const second = await runSeed(FIRST_SEED);
    expect(second).toEqual(first);
    const other = await runSeed(FIRST_SEED + 1);
    expect(other.traceHash).not.toBe(first.traceHash);
  });
});
