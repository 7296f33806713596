/** Point reads: each key is a fresh string, made before the clock runs. */
import type { Engine } from "../engines/engine.js";
import type { Phase } from "../job.js";
import { Zipf } from "../zipf.js";
import {
  assertCount,
  nextTurn,
  type PhaseContext,
  type PhaseRun,
  valueCacheBytes,
  WARM_UP_SHARE,
} from "./phase.js";

const CHUNK_KEYS = 8192;
/** Reads under way at once in a store that can only read asynchronously. */
const ASYNC_READS = 64;
const MANY_KEYS = 100;

type ReadPhase = Extract<Phase, { kind: "read" }>;

/** `get` of present or missing keys. */
export function readKeys(phase: ReadPhase): PhaseRun {
  return async (context) => {
    const { job } = context;
    const engine = await context.open({ valueCacheBytes: valueCacheBytes(job, phase.cache) });
    const pick = picker(context, phase.keys);
    // What a missing key gives has no length.
    const length = phase.keys === "missing" ? 0 : job.valueBytes;
    const run = async (seconds: number) =>
      timed(context, pick, seconds, async (keys) => {
        const bytes = await readChunk(engine, keys);
        assertCount(bytes, keys.length * length, "bytes read");
      });
    if (phase.cache === "all") await readAll(context, engine);
    await run(job.seconds * WARM_UP_SHARE);
    const opsPerSecond = await run(job.seconds);
    await engine.close();
    return { opsPerSecond };
  };
}

/** `getMany` of 100 uniform keys; counts keys. */
export function readMany(phase: Extract<Phase, { kind: "get-many" }>): PhaseRun {
  return async (context) => {
    const { job } = context;
    const engine = await context.open({ valueCacheBytes: valueCacheBytes(job, phase.cache) });
    const run = async (seconds: number) =>
      timed(context, picker(context, "uniform"), seconds, async (keys) => {
        for (let from = 0; from < keys.length; from += MANY_KEYS) {
          const asked = keys.slice(from, from + MANY_KEYS);
          assertCount(await engine.getMany(asked), asked.length, "keys found");
        }
      });
    if (phase.cache === "all") await readAll(context, engine);
    await run(job.seconds * WARM_UP_SHARE);
    const opsPerSecond = await run(job.seconds);
    await engine.close();
    return { opsPerSecond };
  };
}

function picker({ job, dice }: PhaseContext, keys: ReadPhase["keys"]): () => number {
  if (keys === "zipf") {
    const zipf = new Zipf(job.keys, job.seed);
    return () => zipf.next();
  }
  const first = keys === "missing" ? job.keys : 0;
  return () => first + dice.below(job.keys);
}

/** Reads everything once, so that caches hold as much as they can. */
export async function readAll({ job, keySpace }: PhaseContext, engine: Engine): Promise<void> {
  for (let first = 0; first < job.keys; first += CHUNK_KEYS) {
    await readChunk(engine, keySpace.keys(first, Math.min(CHUNK_KEYS, job.keys - first)));
  }
}

/** @returns keys per second of the time spent in `work` */
async function timed(
  { keySpace }: PhaseContext,
  pick: () => number,
  seconds: number,
  work: (keys: readonly string[]) => Promise<void>,
): Promise<number> {
  let elapsedMs = 0;
  let count = 0;
  while (elapsedMs < seconds * 1000) {
    const keys = Array.from({ length: CHUNK_KEYS }, () => keySpace.key(pick()));
    const startedAt = performance.now();
    await work(keys);
    elapsedMs += performance.now() - startedAt;
    count += keys.length;
    await nextTurn();
  }
  return (count / elapsedMs) * 1000;
}

/** @returns the sum of the values' lengths */
async function readChunk(engine: Engine, keys: readonly string[]): Promise<number> {
  const { getSync, getAsync } = engine;
  if (getSync !== undefined) {
    let bytes = 0;
    for (const key of keys) bytes += getSync(key)?.length ?? 0;
    return bytes;
  }
  if (getAsync === undefined) throw new Error("the store has no way to read");
  return readConcurrently(getAsync, keys);
}

function readConcurrently(
  get: NonNullable<Engine["getAsync"]>,
  keys: readonly string[],
): Promise<number> {
  return new Promise((resolve) => {
    let bytes = 0;
    let asked = 0;
    let answered = 0;
    const ask = (): void => {
      const key = keys[asked];
      if (key === undefined) return;
      asked += 1;
      get(key, (value) => {
        bytes += value?.length ?? 0;
        answered += 1;
        if (answered === keys.length) resolve(bytes);
        else ask();
      });
    };
    for (let reader = 0; reader < ASYNC_READS; reader += 1) ask();
  });
}
