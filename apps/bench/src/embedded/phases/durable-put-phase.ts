import { createValues } from "../key-space.js";
import type { PhaseContext, PhaseRun } from "./phase.js";

/** Keys made before the clock starts; more are made as needed. */
const READY_KEYS = 500_000;

/** Callers that each put a fresh key, wait until it is durable, and put the next. */
export function durablePut(callers: number): PhaseRun {
  return async (context) => {
    const { job } = context;
    const engine = await context.open({ isDurable: true, callers });
    const nextKey = keySource(context);
    const values = createValues(job.seed, job.valueBytes);
    const empty = Buffer.alloc(0);
    const run = async (seconds: number): Promise<number> => {
      const startedAt = performance.now();
      const end = startedAt + seconds * 1000;
      let puts = 0;
      const caller = async (): Promise<void> => {
        while (performance.now() < end) {
          await engine.put(nextKey(), values[puts % values.length] ?? empty);
          puts += 1;
        }
      };
      await Promise.all(Array.from({ length: callers }, caller));
      return (puts / (performance.now() - startedAt)) * 1000;
    };
    await run(job.seconds / 4);
    const opsPerSecond = await run(job.seconds);
    await engine.close();
    return { opsPerSecond };
  };
}

function keySource({ keySpace }: PhaseContext): () => string {
  const ready = keySpace.keys(0, READY_KEYS);
  let next = 0;
  return () => {
    const number = next++;
    return ready[number] ?? keySpace.key(number);
  };
}
