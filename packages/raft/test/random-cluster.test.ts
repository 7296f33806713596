/** Random groups of cores. Rerun a failure with TITAN_SEED; TITAN_RUNS says how many seeds to try. */

import { expect, test } from "vitest";
import { runCoreSeed } from "./core-world/core-world.js";
import { testSeed } from "./support/seeded-random.js";

const RUNS = Number(process.env["TITAN_RUNS"] || 15);

test(
  `${RUNS} random groups stay safe, and move again once faults stop`,
  () => {
    const first = testSeed();
    for (let run = 0; run < RUNS; run += 1) {
      const seed = first + run;
      const violation = runCoreSeed(seed);
      expect(violation, `TITAN_SEED=${seed} TITAN_RUNS=1 shows it`).toBeUndefined();
    }
  },
  Math.max(120_000, RUNS * 3_000),
);
