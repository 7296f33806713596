import { createHook } from "node:async_hooks";
import { PerformanceObserver } from "node:perf_hooks";
import { createValues } from "../key-space.js";
import { nextTurn, type PhaseRun } from "./phase.js";

/** Few enough that what they allocate fits the young generation: a collection spoils a count. */
const CALLS = 4000;
const ATTEMPTS = 60;

/** What one call costs: bytes on the JavaScript heap, promises made. */
export const runCallCost: PhaseRun = async (context) => {
  const { job, keySpace } = context;
  const engine = await context.open();
  const values = createValues(job.seed, job.valueBytes);
  const value = values[0] ?? Buffer.alloc(0);
  const calls: Record<string, (keys: readonly string[]) => unknown> = {
    "put, many at once": async (keys) => {
      let last: unknown;
      for (const key of keys) last = engine.put(key, value);
      await last;
    },
    "put, one caller": async (keys) => {
      for (const key of keys) await engine.put(key, value);
    },
    getSync: (keys) => {
      for (const key of keys) engine.getSync?.(key);
    },
    get: async (keys) => {
      for (const key of keys) await engine.get?.(key);
    },
    "getMany of 100, by key": async (keys) => {
      for (let from = 0; from < keys.length; from += 100) {
        await engine.getMany(keys.slice(from, from + 100));
      }
    },
  };
  const metrics: Record<string, number> = {};
  for (const [name, call] of Object.entries(calls)) {
    const keys = () => keySpace.keys(context.dice.below(job.keys - CALLS), CALLS);
    // Until it is compiled: that, too, allocates.
    for (let round = 0; round < 10; round += 1) await call(keys());
    metrics[`${name}: bytes`] = (await heapBytes(call, keys)) / CALLS;
    metrics[`${name}: promises`] = (await promises(call, keys)) / CALLS;
  }
  await engine.close();
  return metrics;
};

/** The least of the attempts that no collection disturbed. */
async function heapBytes(
  call: (keys: readonly string[]) => unknown,
  keys: () => readonly string[],
): Promise<number> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ["gc"] });
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const asked = keys();
    globalThis.gc?.();
    await told();
    collections = 0;
    const before = process.memoryUsage().heapUsed;
    await call(asked);
    const bytes = process.memoryUsage().heapUsed - before;
    await told();
    if (collections === 0 && bytes > 0) least = Math.min(least, bytes);
  }
  observer.disconnect();
  return least;
}

/** An observer hears of what it saw some turns later. */
async function told(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await nextTurn();
}

/** Promises, those of `await` included. */
async function promises(
  call: (keys: readonly string[]) => unknown,
  keys: () => readonly string[],
): Promise<number> {
  let count = 0;
  const asked = keys();
  const hook = createHook({
    init(_id, type) {
      if (type === "PROMISE") count += 1;
    },
  });
  hook.enable();
  await call(asked);
  hook.disable();
  return count;
}
