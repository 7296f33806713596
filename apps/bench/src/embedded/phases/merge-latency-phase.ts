import type { Engine } from "../engines/engine.js";
import { createValues } from "../key-space.js";
import { coprimeTo } from "../zipf.js";
import { loadKeys } from "./load-phase.js";
import { nextTurn, type PhaseContext, type PhaseRun, WARM_UP_SHARE } from "./phase.js";

/** Callers that each put, durably, and then get, with no pause. */
const CALLERS = 16;
/** A merge is to be seen for a while: all keys are written so often before. */
const PASSES = 3;

const RANKS = new Map([
  ["p50", 0.5],
  ["p99", 0.99],
  ["p99.9", 0.999],
  ["max", 1],
]);

interface Latencies {
  readonly put: number[];
  readonly get: number[];
}

/** Latencies of puts and gets while the store collects its garbage, as multiples of those without. */
export const runMergeLatency: PhaseRun = async (context) => {
  const { job } = context;
  const engine = await context.open({ isDurable: true, callers: CALLERS });
  const stride = coprimeTo(job.keys);
  for (let pass = 0; pass < PASSES; pass += 1) {
    await loadKeys(context, engine, (index) => (index * stride + pass * 7919) % job.keys);
  }
  const timeIsUp = (seconds: number) => {
    const end = performance.now() + seconds * 1000;
    return () => performance.now() > end;
  };
  await measure(context, engine, timeIsUp(job.seconds * WARM_UP_SHARE));
  const calm = await measure(context, engine, timeIsUp(job.seconds * 2));
  let isMerging = true;
  const merge = engine.compact().finally(() => {
    isMerging = false;
  });
  const merging = await measure(context, engine, () => !isMerging);
  await merge;
  await engine.close();
  return { ...ratios("put", merging.put, calm.put), ...ratios("get", merging.get, calm.get) };
};

async function measure(
  { job, keySpace, dice }: PhaseContext,
  engine: Engine,
  isOver: () => boolean,
): Promise<Latencies> {
  const values = createValues(job.seed, job.valueBytes);
  const put: number[] = [];
  const get: number[] = [];
  const caller = async (): Promise<void> => {
    while (!isOver()) {
      const key = keySpace.key(dice.below(job.keys));
      const value = values[dice.below(values.length)] ?? Buffer.alloc(0);
      const startedAt = performance.now();
      await engine.put(key, value);
      const putAt = performance.now();
      await read(engine, key);
      put.push(putAt - startedAt);
      get.push(performance.now() - putAt);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  await nextTurn();
  return { put, get };
}

async function read({ getSync, getAsync }: Engine, key: string): Promise<void> {
  if (getSync !== undefined) {
    getSync(key);
    return;
  }
  await new Promise<void>((resolve) => {
    getAsync?.(key, () => resolve());
  });
}

function ratios(name: string, during: number[], without: number[]): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const list of [during, without]) list.sort((left, right) => left - right);
  for (const [rank, share] of RANKS) {
    const base = at(without, share);
    figures[`${name} ${rank}`] = base === 0 ? 1 : at(during, share) / base;
    figures[`${name} ${rank} ms`] = at(during, share);
  }
  return figures;
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
