/** The hunt for one planted bug: seed after seed, until a simulator sees that something is wrong. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { bundleRig } from "./bundle-rig.js";
import type { Breakdown, Mutant, Rig } from "./mutant.js";

export interface Finding {
  readonly seed: number;
  readonly violation: string;
  /** Whether an assertion of the library noticed, and not the simulator. */
  readonly isSelfReported: boolean;
}

interface Report {
  readonly seed?: number;
  readonly seen?: Omit<Finding, "seed">;
  /** A rejection that nobody handled. */
  readonly stray?: string;
  readonly isOver?: boolean;
}

const HUNTER = new URL("./hunter.mjs", import.meta.url);

/** A seed that takes longer than this will not end: a run takes well below a second. */
const HANG_MS = 60_000;

/**
 * @returns the first of `seeds` that shows the bug; undefined when none does
 * @throws Error when a run breaks down in a way that is not what the bug does: nothing is known then
 */
export async function hunt(mutant: Mutant, seeds: readonly number[]): Promise<Finding | undefined> {
  const { rig } = mutant;
  return inBundle(rig, mutant, (bundle) => runSeeds(bundle, mutant, seeds));
}

/**
 * Runs `seeds` on the source as it is.
 * @returns the first that shows a violation, if any
 * @throws Error when a run breaks down
 */
export async function runClean(rig: Rig, seeds: readonly number[]): Promise<Finding | undefined> {
  return inBundle(rig, undefined, (bundle) => runSeeds(bundle, { rig }, seeds));
}

async function inBundle<Result>(
  rig: Rig,
  mutant: Mutant | undefined,
  use: (bundle: string) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), "titan-raft-mutant-"));
  try {
    const bundle = join(directory, "rig.mjs");
    await bundleRig(rig, mutant, bundle);
    return await use(pathToFileURL(bundle).href);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function runSeeds(
  bundle: string,
  { rig, breaks }: Pick<Mutant, "rig" | "breaks">,
  seeds: readonly number[],
): Promise<Finding | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(HUNTER, { workerData: { bundle, rig, seeds }, stdout: true });
    let finding: Finding | undefined;
    let running = seeds[0] ?? 0;
    let watch: NodeJS.Timeout | undefined;
    const end = (settle: () => void): void => {
      clearTimeout(watch);
      void worker.terminate().then(settle, reject);
    };
    const breakDown = (how: Breakdown, what: string): void => {
      const violation = `${how}: ${what}`;
      const found = { seed: running, violation, isSelfReported: false };
      if (how === breaks) end(() => resolve(found));
      else end(() => reject(new Error(`seed ${running} comes to no verdict: ${violation}`)));
    };
    worker.on("message", ({ seed, seen, stray, isOver }: Report) => {
      clearTimeout(watch);
      running = seed ?? running;
      if (stray !== undefined) {
        breakDown("unhandled", stray);
        return;
      }
      if (isOver) {
        end(() => resolve(finding));
        return;
      }
      if (seen !== undefined) finding = { seed: running, ...seen };
      watch = setTimeout(() => breakDown("hang", `more than ${HANG_MS} ms`), HANG_MS);
    });
    worker.on("error", (error) => breakDown("crash", error.message));
  });
}
