import { allocatedBytes } from "../disk.js";
import { coprimeTo } from "../zipf.js";
import { loadKeys } from "./load-phase.js";
import { dataBytes, type PhaseRun } from "./phase.js";

const OVERWRITES = 5;

/**
 * Disk space after every key was overwritten five times and garbage was collected, by live data: as the
 * store is closed, and, of one that leaves more behind to be opened by, without that.
 */
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
  const closedBytes = await allocatedBytes(job.directory);
  if (job.store === "titan") await (await context.open({ hasIndexImage: false })).close();
  const bytes = await allocatedBytes(job.directory);
  const live = dataBytes(job);
  return { timesLive: bytes / live, timesLiveClosed: closedBytes / live, compactMs };
};
