import type { Engine } from "../engines/engine.js";
import { createValues } from "../key-space.js";
import { assertCount, nextTurn, type PhaseContext, type PhaseRun } from "./phase.js";

/** Keys between two looks at the clock; the two stores take turns. */
const CHUNK_KEYS = 4096;
/** Puts that are called in one turn. */
const TURN_PUTS = 64;
const STORES = ["ordered", "unordered"] as const;

type Work = (engine: Engine, keys: readonly string[]) => Promise<void>;

/**
 * What the order over keys costs point reads and writes: a store that keeps it and one that does not, in
 * one process and in turns, so that whatever else the machine does hits both. Time of the first by
 * that of the second; of the process, so that neighbours count for little.
 */
export const runOrderCost: PhaseRun = async (context) => {
  const { job } = context;
  const engines = new Map<(typeof STORES)[number], Engine>();
  for (const name of STORES) {
    const isOrdered = name === "ordered";
    engines.set(name, await context.open({ isOrdered, folder: name }));
  }
  const values = createValues(job.seed, job.valueBytes);
  const put: Work = async (engine, keys) => {
    for (let from = 0; from < keys.length; from += TURN_PUTS) {
      const puts = keys.slice(from, from + TURN_PUTS).map((key, index) => {
        return { key, value: values[(from + index) % values.length] ?? Buffer.alloc(0) };
      });
      await engine.putTurn(puts);
    }
  };
  const get: Work = async (engine, keys) => {
    let bytes = 0;
    for (const key of keys) bytes += engine.getSync?.(key)?.length ?? 0;
    assertCount(bytes, keys.length * job.valueBytes, "bytes read");
  };
  const random = () => context.dice.below(job.keys);
  // Compiled before it counts: with keys of their own.
  await compare(context, engines, { work: put, count: job.keys / 10, pick: (at) => job.keys + at });
  const fresh = await compare(context, engines, { work: put, count: job.keys, pick: (at) => at });
  const later = { count: job.keys / 2, pick: random };
  const overwrite = await compare(context, engines, { work: put, ...later });
  const read = await compare(context, engines, { work: get, ...later });
  for (const engine of engines.values()) await engine.close();
  return { "order: fresh put": fresh, "order: overwrite": overwrite, "order: get": read };
};

async function compare(
  { keySpace }: PhaseContext,
  engines: ReadonlyMap<(typeof STORES)[number], Engine>,
  { work, count, pick }: { work: Work; count: number; pick: (at: number) => number },
): Promise<number> {
  const micros = new Map<string, number>();
  for (let at = 0; at < count; at += CHUNK_KEYS) {
    const size = Math.min(CHUNK_KEYS, Math.ceil(count) - at);
    const numbers = Array.from({ length: size }, (_, index) => pick(at + index));
    // Who comes first finds colder caches.
    const order = (at / CHUNK_KEYS) % 2 === 0 ? STORES : [...STORES].reverse();
    for (const name of order) {
      const keys = numbers.map((number) => keySpace.key(number));
      const engine = engines.get(name);
      if (engine === undefined) throw new Error("assertion: both are open");
      const before = process.cpuUsage();
      await work(engine, keys);
      const { user, system } = process.cpuUsage(before);
      micros.set(name, (micros.get(name) ?? 0) + user + system);
      await nextTurn();
    }
  }
  return (micros.get("ordered") ?? 0) / (micros.get("unordered") ?? 1);
}
