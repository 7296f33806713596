/**
 * Runs seeds of the simulator, as many as you like:
 *
 *     node scripts/sim.mjs --seeds 2000 --from 1 --jobs 2
 *     node scripts/sim.mjs --from 4711 --seeds 1 --tell --shrink
 *
 * `--tell` prints what happens, `--shrink` looks for the fewest faults that still break a failing seed,
 * `--twice` runs each seed twice and compares, `--hashes` prints the trace hash of each. Needs a build.
 * Ends with 1 when a seed failed, or when `--covered` is given and a site was never hit.
 */

import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { addCoverage, missedSites, runSeed, shrinkRun } from "../dist/sim/index.js";

const REPORT_EVERY = 1000;

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- between threads
const send = (message) => parentPort.postMessage(message);

async function runStripe({ first, end, step, twice, hashes }) {
  for (let seed = first; seed < end; seed += step) {
    const result = await runSeed(seed);
    const again = twice ? await runSeed(seed) : result;
    const isSame = again.traceHash === result.traceHash;
    const { violation, coverage, traceHash, steps } = result;
    const hash = hashes ? { traceHash } : {};
    send({ seed, violation, coverage, steps, isSame, ...hash });
  }
}

async function runOne(seed, values) {
  const result = await runSeed(seed, values.tell ? { tell: console.log } : {});
  console.log(`seed ${seed}: trace ${result.traceHash}, ${result.steps} steps`);
  const { violation } = result;
  if (violation === undefined) return 0;
  console.log(`${violation.invariant}, at step ${violation.step}: ${violation.message}`);
  if (!values.shrink) return 1;
  const { schedule, runs } = await shrinkRun(result);
  console.log(
    `after ${runs} runs, ${schedule.length} of ${result.schedule.length} faults are left:`,
  );
  for (const { atMs, fault } of schedule) console.log(`  ${atMs} ms ${JSON.stringify(fault)}`);
  return 1;
}

async function runMany(from, count, values) {
  const jobs = Number(values.jobs);
  const startMs = performance.now();
  const failed = [];
  let done = 0;
  let steps = 0;
  let coverage;
  const rate = () => ((done * 1000) / (performance.now() - startMs)).toFixed(1);
  const take = (result) => {
    done += 1;
    steps += result.steps;
    coverage = addCoverage(coverage, result.coverage);
    if (values.hashes) console.log(`${result.seed} ${result.traceHash}`);
    if (!result.isSame) console.log(`seed ${result.seed}: two runs, two traces`);
    if (result.violation !== undefined || !result.isSame) {
      failed.push(result.seed);
      const { invariant, message } = result.violation ?? { invariant: "trace", message: "differs" };
      console.log(`seed ${result.seed}: ${invariant}: ${message}`);
      console.log(`  replay: node scripts/sim.mjs --from ${result.seed} --seeds 1 --tell --shrink`);
    }
    if (done % REPORT_EVERY === 0)
      console.log(`${done} seeds, ${failed.length} failed, ${rate()}/s`);
  };
  const stripes = Array.from({ length: jobs }, (_, job) => {
    const { twice, hashes } = values;
    const data = { first: from + job, end: from + count, step: jobs, twice, hashes };
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: data });
      worker.on("message", take);
      worker.on("error", reject);
      worker.on("exit", resolve);
    });
  });
  await Promise.all(stripes);
  for (const [site, hits] of Object.entries(coverage ?? {})) console.log(`  ${site}: ${hits}`);
  const missed = coverage === undefined ? [] : missedSites(coverage);
  if (missed.length > 0) console.log(`never seen: ${missed.join(", ")}`);
  console.log(`${done} seeds from ${from}, ${steps} steps, ${failed.length} failed, ${rate()}/s`);
  return failed.length > 0 || (values.covered && missed.length > 0) ? 1 : 0;
}

if (isMainThread) {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "2000" },
      from: { type: "string", default: process.env.TITAN_SEED ?? "1" },
      jobs: { type: "string", default: "1" },
      tell: { type: "boolean", default: false },
      shrink: { type: "boolean", default: false },
      twice: { type: "boolean", default: false },
      hashes: { type: "boolean", default: false },
      covered: { type: "boolean", default: false },
    },
  });
  const [from, count] = [Number(values.from), Number(values.seeds)];
  const isOne = count === 1 || values.tell || values.shrink;
  process.exitCode = isOne ? await runOne(from, values) : await runMany(from, count, values);
} else {
  await runStripe(workerData);
}
