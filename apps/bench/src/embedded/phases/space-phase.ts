import { allocatedBytes } from "../disk.js";
import { coprimeTo } from "../zipf.js";
import { loadKeys } from "./load-phase.js";
import { dataBytes, type PhaseRun } from "./phase.js";

const OVERWRITES = 5;

/** Disk space after every key was overwritten five times and garbage was collected, by live data. */
export const runSpace: PhaseRun = async (context) => {
  const { job } = context;
  const engine = await context.open();
  const stride = coprimeTo(job.keys);
  for (let pass = 0; pass <= OVERWRITES; pass += 1) {
    await loadKeys(context, engine, (index) => (index * stride + pass * 7919) % job.keys);
  }
  const startedAt = performance.now();
  await engine.compact();
  const compactMs = performance.now() - startedAt;
  await engine.close();
  const bytes = await allocatedBytes(job.directory);
  return { timesLive: bytes / dataBytes(job), compactMs };
};
