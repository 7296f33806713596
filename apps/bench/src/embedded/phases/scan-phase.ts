import { PEER_CACHE_BYTES } from "../engines/engine.js";
import { assertCount, type PhaseRun, WARM_UP_SHARE } from "./phase.js";
import { readAll } from "./read-phase.js";

const ROWS = 100;

/**
 * Scans of 100 rows from the place of a random key on: the first one after opening, then, when everything
 * has been read once, many.
 */
export const runScan: PhaseRun = async (context) => {
  const { job, keySpace, dice, open } = context;
  const engine = await open({ valueCacheBytes: PEER_CACHE_BYTES });
  // From the upper end fewer rows would follow; half of the keys are behind any such start.
  const start = () => `${dice.below(8).toString(16)}${keySpace.key(dice.next()).slice(1)}`;
  const scan = async () => assertCount(await engine.scan(start(), ROWS), ROWS, "rows");
  const openedAt = performance.now();
  await scan();
  const firstMs = performance.now() - openedAt;
  await readAll(context, engine);
  const run = async (seconds: number): Promise<number> => {
    const startedAt = performance.now();
    let rows = 0;
    let now = startedAt;
    for (; now - startedAt < seconds * 1000; now = performance.now()) {
      await scan();
      rows += ROWS;
    }
    return (rows / (now - startedAt)) * 1000;
  };
  await run(job.seconds * WARM_UP_SHARE);
  const rowsPerSecond = await run(job.seconds);
  await engine.close();
  return { firstMs, rowsPerSecond };
};
