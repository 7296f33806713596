/**
 * Crash enumeration, at every change of the disk. `TITAN_THOROUGH=1` (`test:exhaustive`) tries more losses at each
 * of them. `TITAN_SEED` replays the random part; `TITAN_SECONDS` goes on with new seeds and wider bounds
 * for that long.
 */
import { describe, expect, test } from "vitest";
import { SeededRandom, seedFrom } from "../../src/testing/index.js";
import { type ExploreBounds, type ExploreCounts, Explorer } from "./explore.js";
import { FORM_NAMES, FORMS, type FormName } from "./forms.js";
import { TINY_IMAGED } from "./machine.js";
import { recordRun } from "./recorded-run.js";
import { backgroundMergeWorkload, fixedWorkload, randomWorkload } from "./workload.js";

const QUICK_BOUNDS: ExploreBounds = {
  crash: { exhaustive: 8, samples: 2, extremes: 6 },
  nested: { exhaustive: 2, samples: 1, extremes: 1 },
  nestedOneIn: 100,
  maxDepth: 1,
  kill: { exhaustive: 2, samples: 0, extremes: 0 },
};

const THOROUGH_BOUNDS: ExploreBounds = {
  crash: { exhaustive: 32, samples: 8, extremes: 24 },
  nested: { exhaustive: 4, samples: 1, extremes: 2 },
  nestedOneIn: 100,
  maxDepth: 1,
  kill: { exhaustive: 2, samples: 0, extremes: 0 },
};

const SOAK_BOUNDS: ExploreBounds = {
  crash: { exhaustive: 512, samples: 64, extremes: 128 },
  nested: { exhaustive: 32, samples: 4, extremes: 12 },
  nestedOneIn: 200,
  maxDepth: 2,
  kill: { exhaustive: 8, samples: 2, extremes: 4 },
};

const IS_THOROUGH = process.env["TITAN_THOROUGH"] === "1";
const BOUNDS = IS_THOROUGH ? THOROUGH_BOUNDS : QUICK_BOUNDS;
const OTHER_FORMS: readonly FormName[] = FORM_NAMES.filter((form) => form !== "plain");
const SECONDS = Number(process.env["TITAN_SECONDS"] ?? 0);

function report(title: string, seed: number, counts: ExploreCounts): void {
  const figures = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  process.stdout.write(`${title}, TITAN_SEED=${seed}: ${figures.join(", ")}\n`);
}

async function exploreRandom(
  seed: number,
  steps: number,
  bounds: ExploreBounds,
  isOver?: () => boolean,
): Promise<void> {
  const random = new SeededRandom(seed);
  const dataFileMaxBytes = [256, 512, 1024, 4096][random.nextInt(4)];
  const options = { ...TINY_IMAGED, dataFileMaxBytes, autoMerge: random.nextInt(2) === 0 };
  const run = await recordRun(randomWorkload(random.fork(), steps), options, seed);
  const explorer = new Explorer(options, bounds, random.fork());
  await explorer
    .explore(run, isOver)
    .finally(() => report("random workload", seed, explorer.counts));
}

describe("a power cut at any change of the disk, with any legal loss", () => {
  test("loses no durable write, undoes no delete, splits no batch, invents nothing", async () => {
    const seed = seedFrom(process.env, 1);
    const run = await recordRun(fixedWorkload(), TINY_IMAGED, seed);
    // The workload reaches all that changes a disk; without that the enumeration would prove little.
    for (const kind of ["create", "write", "sync", "rename", "unlink", "sync-directory"]) {
      expect(run.changes.get(kind) ?? 0, `changes of kind ${kind}`).toBeGreaterThan(2);
    }
    const explorer = new Explorer(TINY_IMAGED, BOUNDS, new SeededRandom(seed));
    await explorer.explore(run).finally(() => report("fixed workload", seed, explorer.counts));

    const changes = [...run.changes.values()].reduce((sum, count) => sum + count, 0);
    expect(explorer.counts.points).toBe(changes + 1);
    expect(explorer.counts.crashes).toBeGreaterThan(2 * changes);
    expect(explorer.counts.images).toBeGreaterThan(changes);
    expect(explorer.counts.nestedCrashes).toBeGreaterThan(changes);
  }, 300_000);

  test("lets a merge drop nothing that an older or an unsynced record still needs", async () => {
    const seed = seedFrom(process.env, 1);
    const options = { ...TINY_IMAGED, autoMerge: true };
    const run = await recordRun(backgroundMergeWorkload(), options, seed);
    const explorer = new Explorer(options, BOUNDS, new SeededRandom(seed));
    await explorer.explore(run).finally(() => report("background merges", seed, explorer.counts));
  }, 300_000);

  test.runIf(IS_THOROUGH).each(OTHER_FORMS)(
    "spares a store that is %s",
    async (form) => {
      const seed = seedFrom(process.env, 1);
      const options = { ...TINY_IMAGED, ...FORMS[form] };
      const explorer = new Explorer(options, QUICK_BOUNDS, new SeededRandom(seed));
      const run = await recordRun(fixedWorkload(), options, seed);
      await explorer.explore(run).finally(() => report(form, seed, explorer.counts));
    },
    300_000,
  );

  test("spares a store under random workloads as well", async () => {
    const seed = seedFrom(process.env, Math.floor(Math.random() * 2 ** 31));
    await exploreRandom(seed, 12, BOUNDS);
  }, 300_000);

  test("is told from one that loses more: a disk whose syncs lie is found out", async () => {
    for (const kind of ["sync", "sync-directory"] as const) {
      const fault = { type: "lying-sync" } as const;
      const rule = { kind, times: Number.POSITIVE_INFINITY, fault };
      const run = await recordRun(fixedWorkload(), TINY_IMAGED, 1, [rule]);
      const explorer = new Explorer(TINY_IMAGED, BOUNDS, new SeededRandom(1));
      await expect(explorer.explore(run)).rejects.toThrow(/power cut that leaves/);
    }
  }, 300_000);

  test.runIf(SECONDS > 0)(
    "goes on being spared for TITAN_SECONDS",
    async () => {
      const first = seedFrom(process.env, Math.floor(Math.random() * 2 ** 31));
      const end = performance.now() + SECONDS * 1000;
      const isOver = (): boolean => performance.now() > end;
      for (let seed = first; !isOver(); seed += 1) {
        await exploreRandom(seed, 15, SOAK_BOUNDS, isOver);
      }
    },
    0,
  );
});
