/** Bundles a simulator, with one bug planted in the library's source or with none. */

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import { type Mutant, plant, type Rig } from "./mutant.js";

const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const CORE_RIG = "test/mutants/rigs/core-rig.ts";
const HOST_RIG = "test/mutants/rigs/host-rig.ts";
const CORNER_RIG = "test/mutants/rigs/corner-rig.ts";
const CORNERS: ReadonlySet<Rig> = new Set(["follower", "reads", "outage"]);

function fileOf(rig: Rig): string {
  if (rig === "core") return CORE_RIG;
  return CORNERS.has(rig) ? CORNER_RIG : HOST_RIG;
}

export function sourceFile(mutant: Pick<Mutant, "file">): string {
  return resolve(PACKAGE, "src", mutant.file);
}

/** Writes the simulator to `outfile`, as one ECMAScript module that exports `rigs`. */
export async function bundleRig(rig: Rig, mutant: Mutant | undefined, outfile: string) {
  let planted = 0;
  const planting: Plugin = {
    name: "plant-bug",
    setup(run) {
      if (mutant === undefined) return;
      const path = sourceFile(mutant);
      run.onLoad({ filter: /\.ts$/ }, async (load) => {
        if (load.path !== path) return undefined;
        planted += 1;
        return { contents: plant(mutant, await readFile(path, "utf8")), loader: "ts" };
      });
    },
  };
  await build({
    absWorkingDir: PACKAGE,
    entryPoints: [fileOf(rig)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
    plugins: [planting],
  });
  if (mutant !== undefined && planted === 0) {
    throw new Error(`${mutant.id}: ${mutant.file} is no part of the ${rig} simulator`);
  }
}
