import type { Engine } from "../engines/engine.js";
import { createValues } from "../key-space.js";
import type { PhaseContext, PhaseRun } from "./phase.js";

/** Bytes that one batch of a load has at most. */
const BATCH_BYTES = 4 * 1024 * 1024;

/** Loads all keys in no order, and makes them durable once at the end; making keys is not timed. */
export const runLoad: PhaseRun = async (context) => {
  const engine = await context.open();
  const elapsedMs = await loadKeys(context, engine, (number) => number);
  const startedAt = performance.now();
  await engine.sync();
  const syncMs = performance.now() - startedAt;
  await engine.close();
  return { opsPerSecond: (context.job.keys / (elapsedMs + syncMs)) * 1000, syncMs };
};

/**
 * Puts every key once, in batches.
 * @param order a permutation of [0, keys)
 * @returns the time that the store took, in ms
 */
export async function loadKeys(
  { job, keySpace }: PhaseContext,
  engine: Engine,
  order: (index: number) => number,
): Promise<number> {
  const values = createValues(job.seed, job.valueBytes);
  const step = Math.max(
    1,
    Math.min(engine.batchOperations, Math.floor(BATCH_BYTES / job.valueBytes)),
  );
  let elapsedMs = 0;
  for (let first = 0; first < job.keys; first += step) {
    const puts = Array.from({ length: Math.min(step, job.keys - first) }, (_, index) => {
      const number = order(first + index);
      return {
        key: keySpace.key(number),
        value: values[number % values.length] ?? Buffer.alloc(0),
      };
    });
    const startedAt = performance.now();
    await engine.load(puts);
    elapsedMs += performance.now() - startedAt;
  }
  return elapsedMs;
}
