/**
 * Random groups of cores. Seeds from TITAN_SEED (1 unless given); TITAN_RUNS says how many to try.
 *
 * Known and open: TITAN_SEED=1874143985 TITAN_RUNS=1 reports two members whose configurations differ at one
 * index. Whether the core or this world's bookkeeping behind a restored snapshot is wrong is not known yet.
 */

import { expect, test } from "vitest";
import { runCoreSeed } from "./core-world/core-world.js";

const RUNS = Number(process.env["TITAN_RUNS"] || 40);

test(
  `${RUNS} random groups stay safe, and move again once faults stop`,
  () => {
    const first = Number(process.env["TITAN_SEED"] || 1);
    for (let run = 0; run < RUNS; run += 1) {
      const seed = first + run;
      const violation = runCoreSeed(seed);
      expect(violation, `TITAN_SEED=${seed} TITAN_RUNS=1 shows it`).toBeUndefined();
    }
  },
  Math.max(120_000, RUNS * 3_000),
);
