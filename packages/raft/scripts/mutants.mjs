/**
 * Looks for a seed that shows each deliberate bug, and records it:
 *
 *     node scripts/mutants.mjs                    keeps recorded seeds that still show their bug
 *     node scripts/mutants.mjs --afresh           from seed 1 on, for all
 *     node scripts/mutants.mjs --only snapshot    bugs whose name holds that word
 *     node scripts/mutants.mjs --new              only bugs without a recorded seed
 *     node scripts/mutants.mjs --seeds 1000       looks further than the gate does
 *
 * Writes test/mutants/findings.json and docs/raft-mutants.md when every bug was found within the gate's
 * limit. Ends with 1 when one was not.
 */

import { rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values } = parseArgs({
  options: {
    afresh: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    new: { type: "boolean", default: false },
    seeds: { type: "string" },
    jobs: { type: "string", default: String(Math.min(2, availableParallelism())) },
  },
});

/** The catalogue is TypeScript, and finds its files beside itself. */
async function importGate() {
  const folder = new URL("../test/mutants/", import.meta.url);
  const outfile = fileURLToPath(new URL(`.gate-${process.pid}.mjs`, folder));
  const entryPoints = [fileURLToPath(new URL("gate.ts", folder))];
  await build({
    entryPoints,
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["esbuild"],
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(outfile);
  }
}

const gate = await importGate();
const maxSeeds = values.seeds === undefined ? gate.MAX_SEEDS : Number(values.seeds);
const recorded = gate.readFindings();
const wanted = gate.MUTANTS.filter(({ id }) => {
  return id.includes(values.only) && !(values.new && id in recorded);
});
const found = new Map();
const missed = [];

/** A run that breaks down, and is not meant to, has found nothing. */
async function findOrTell(mutant, from) {
  try {
    return await gate.find(mutant, from, maxSeeds);
  } catch (error) {
    console.error(`${mutant.id}: ${error.message}`);
    return undefined;
  }
}

async function work(queue) {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const from = values.afresh ? undefined : recorded[mutant.id];
    const finding = await findOrTell(mutant, from);
    if (finding === undefined || finding.seed > gate.MAX_SEEDS) missed.push(mutant.id);
    else found.set(mutant.id, finding);
    const seen = finding === undefined ? "not found" : `${finding.seed}: ${finding.violation}`;
    console.log(`${mutant.id.padEnd(42)} ${seen.slice(0, 120)}`);
  }
}

const queue = [...wanted];
await Promise.all(Array.from({ length: Number(values.jobs) }, () => work(queue)));
console.log(`${found.size} of ${wanted.length} found within ${gate.MAX_SEEDS} seeds`);
if (missed.length > 0) {
  console.error(`missed: ${missed.join(" ")}`);
  process.exitCode = 1;
} else {
  const findings = {};
  for (const { id } of gate.MUTANTS) findings[id] = found.get(id) ?? recorded[id];
  await writeFile(gate.FINDINGS_FILE, `${JSON.stringify(findings, undefined, 2)}\n`);
  await writeFile(gate.TABLE_FILE, gate.renderTable(gate.MUTANTS, findings));
}
