/** YCSB's core workloads A, B and C: reads and updates of zipf keys by 64 callers, unsynced. */
import type { Engine, Put } from "../engines/engine.js";
import { createValues } from "../key-space.js";
import { Zipf } from "../zipf.js";
import { type PhaseRun, valueCacheBytes, WARM_UP_SHARE } from "./phase.js";

/** Callers; in every turn each of them has one operation answered. */
const CALLERS = 64;
/** Turns between two looks at the clock; their keys are made before it runs. */
const CHUNK_TURNS = 64;

interface Turn {
  readonly reads: readonly string[];
  readonly updates: readonly Put[];
}

/** @param readShare share of reads among the operations, in [0, 1] */
export function mix(readShare: number): PhaseRun {
  return async ({ job, keySpace, dice, open }) => {
    const engine = await open({ valueCacheBytes: valueCacheBytes(job, "tenth") });
    const zipf = new Zipf(job.keys, job.seed);
    const values = createValues(job.seed, job.valueBytes);
    const makeTurn = (): Turn => {
      const reads: string[] = [];
      const updates: Put[] = [];
      for (let caller = 0; caller < CALLERS; caller += 1) {
        const key = keySpace.key(zipf.next());
        if (dice.fraction() < readShare) reads.push(key);
        else updates.push({ key, value: values[dice.below(values.length)] ?? Buffer.alloc(0) });
      }
      return { reads, updates };
    };
    const run = async (seconds: number): Promise<number> => {
      let elapsedMs = 0;
      let count = 0;
      while (elapsedMs < seconds * 1000) {
        const turns = Array.from({ length: CHUNK_TURNS }, makeTurn);
        const startedAt = performance.now();
        for (const turn of turns) await takeTurn(engine, turn, job.valueBytes);
        elapsedMs += performance.now() - startedAt;
        count += CHUNK_TURNS * CALLERS;
      }
      return (count / elapsedMs) * 1000;
    };
    await run(job.seconds * WARM_UP_SHARE);
    const opsPerSecond = await run(job.seconds);
    await engine.close();
    return { opsPerSecond };
  };
}

async function takeTurn(
  engine: Engine,
  { reads, updates }: Turn,
  valueBytes: number,
): Promise<void> {
  const written = updates.length === 0 ? undefined : engine.putTurn(updates);
  const { getSync, getAsync } = engine;
  if (getSync !== undefined) {
    for (const key of reads) check(getSync(key)?.length, valueBytes);
  } else if (getAsync !== undefined) {
    await Promise.all(
      reads.map(
        (key) =>
          new Promise<void>((resolve, reject) => {
            getAsync(key, (value) => {
              if (value?.length === valueBytes) resolve();
              else reject(new Error(`${key} has ${value?.length ?? "no"} bytes`));
            });
          }),
      ),
    );
  }
  if (written !== undefined) await written;
}

function check(length: number | undefined, valueBytes: number): void {
  if (length !== valueBytes) throw new Error(`read ${length ?? "no"} bytes`);
}
