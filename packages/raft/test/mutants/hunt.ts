/** The hunt for one planted bug: seed after seed, until a simulator sees that something is wrong. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { bundleRig } from "./bundle-rig.js";
import type { Mutant, Rig } from "./mutant.js";

export interface Finding {
  readonly seed: number;
  readonly violation: string;
}

interface Report {
  readonly seed?: number;
  readonly violation?: string;
  readonly isOver?: boolean;
}

const HUNTER = new URL("./hunter.mjs", import.meta.url);

/** A seed that takes longer than this will not end: a run takes well below a second. */
const HANG_MS = 60_000;

/** @returns the first of `seeds` that shows the bug; undefined when none does */
export async function hunt(mutant: Mutant, seeds: readonly number[]): Promise<Finding | undefined> {
  const { rig } = mutant;
  return inBundle(rig, mutant, (bundle) => runSeeds(bundle, rig, seeds));
}

/** Runs `seeds` on the source as it is. @returns the first that shows a violation, if any */
export async function runClean(rig: Rig, seeds: readonly number[]): Promise<Finding | undefined> {
  return inBundle(rig, undefined, (bundle) => runSeeds(bundle, rig, seeds));
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
  rig: Rig,
  seeds: readonly number[],
): Promise<Finding | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(HUNTER, { workerData: { bundle, rig, seeds }, stdout: true });
    let finding: Finding | undefined;
    let running = seeds[0] ?? 0;
    let watch: NodeJS.Timeout | undefined;
    const end = (found: Finding | undefined): void => {
      clearTimeout(watch);
      void worker.terminate().then(() => resolve(found), reject);
    };
    worker.on("message", ({ seed, violation, isOver }: Report) => {
      clearTimeout(watch);
      if (isOver) {
        end(finding);
        return;
      }
      running = seed ?? running;
      if (violation !== undefined) finding = { seed: running, violation };
      watch = setTimeout(() => end({ seed: running, violation: "never ends" }), HANG_MS);
    });
    worker.on("error", (error) => end({ seed: running, violation: `crash: ${error.message}` }));
  });
}
