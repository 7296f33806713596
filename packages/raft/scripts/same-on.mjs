/**
 * Runs seeds of the simulator on this Node and on another, and compares their traces:
 *
 *     node scripts/same-on.mjs path/to/another/node --seeds 100 --from 1
 *
 * Needs a build. Ends with 1 when a trace differs.
 */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const run = promisify(execFile);
const SIM = fileURLToPath(new URL("sim.mjs", import.meta.url));
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
  },
});
const [other] = positionals;
if (other === undefined) throw new Error("which other node? see the top of this file");

/** @returns trace hashes by seed */
async function tracesOn(node) {
  const args = [SIM, "--hashes", "--seeds", values.seeds, "--from", values.from];
  const { stdout } = await run(node, args, { maxBuffer: MAX_OUTPUT_BYTES });
  return new Map(
    [...stdout.matchAll(/^(\d+) ([0-9a-f]{16})$/gm)].map(([, seed, hash]) => [seed, hash]),
  );
}

const { stdout: version } = await run(other, ["--version"]);
const [here, there] = [await tracesOn(process.execPath), await tracesOn(other)];
const differing = [...here].filter(([seed, hash]) => there.get(seed) !== hash);
for (const [seed, hash] of differing) console.log(`seed ${seed}: ${hash} and ${there.get(seed)}`);
const versions = `${process.version} and ${version.trim()}`;
console.log(`${here.size} seeds on ${versions}: ${differing.length} traces differ`);
process.exitCode = differing.length > 0 || here.size !== Number(values.seeds) ? 1 : 0;
