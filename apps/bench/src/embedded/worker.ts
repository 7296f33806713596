/**
 * One store, one phase, one process: runs the job given as JSON on the command line and sends what came
 * of it to the parent, or prints it when there is none.
 */
import { join } from "node:path";
import { importEngine } from "./engines/open-engine.js";
import type { Job, JobMessage, JobResult } from "./job.js";
import { Dice, KeySpace } from "./key-space.js";
import { phaseRun } from "./phases/run-phase.js";

const CHEAPEST = {
  isDurable: false,
  callers: 1,
  valueCacheBytes: 0,
  isOrdered: true,
  hasIndexImage: true,
};

async function runJob(job: Job): Promise<JobResult> {
  const openEngine = await importEngine(job.store);
  const { directory } = job;
  const metrics = await phaseRun(job.phase)({
    job,
    keySpace: new KeySpace(job.seed),
    dice: new Dice(job.seed + 1),
    open: async ({ folder = "", ...settings } = {}) =>
      openEngine({ ...CHEAPEST, directory: join(directory, folder), ...settings }),
  });
  return { metrics };
}

function report(message: JobMessage): void {
  if (process.send === undefined) console.log(JSON.stringify(message, undefined, 2));
  else process.send(message);
}

const [argument] = process.argv.slice(2);
if (argument === undefined) throw new Error("usage: worker <job as JSON>");
try {
  report({ result: await runJob(JSON.parse(argument) as Job) });
} catch (error) {
  process.exitCode = 1;
  report({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
process.disconnect?.();
