import { coprimeTo } from "../zipf.js";
import type { PhaseRun } from "./phase.js";

/** Slow stores need not remove everything: measurements last at most so many times `seconds`. */
const LIMIT_FACTOR = 4;

/** Removes keys in no order, in batches, and makes that durable once at the end. */
export const runRemove: PhaseRun = async ({ job, keySpace, open }) => {
  const engine = await open();
  const stride = coprimeTo(job.keys);
  let elapsedMs = 0;
  let removed = 0;
  while (removed < job.keys && elapsedMs < job.seconds * 1000 * LIMIT_FACTOR) {
    const count = Math.min(engine.batchOperations, job.keys - removed);
    const first = removed;
    const keys = Array.from({ length: count }, (_, index) =>
      keySpace.key(((first + index) * stride) % job.keys),
    );
    const startedAt = performance.now();
    await engine.removeAll(keys);
    elapsedMs += performance.now() - startedAt;
    removed += count;
  }
  const startedAt = performance.now();
  await engine.sync();
  elapsedMs += performance.now() - startedAt;
  await engine.close();
  return { opsPerSecond: (removed / elapsedMs) * 1000 };
};
