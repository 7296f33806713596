/** Latencies of puts at a given rate, beside etcd's, and what a call that waits in line costs in memory. */
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { TitanClient } from "@titan/client";
import { measure, median } from "../closed-loop.js";
import { measureOpen, type OpenMeasurement } from "../open-loop.js";
import { EtcdMembers } from "./etcd-members.js";
import { keyAt, loadKeys, VALUE } from "./keys.js";
import type { Part } from "./part.js";
import { table, verdict } from "./table.js";
import { TitanNodes } from "./titan-nodes.js";

const CALLERS = 256;
const SHARES = [0.25, 0.5, 0.75];
const QUEUED = 50_000;
const WARM_UP_MS = 3_000;

type Put = (sequence: number) => Promise<unknown>;

function medians(all: readonly OpenMeasurement[]): OpenMeasurement {
  const of = (field: keyof OpenMeasurement): number => median(all.map((one) => one[field]));
  return {
    ...{ calls: of("calls"), failed: of("failed"), p50Ms: of("p50Ms") },
    ...{ p99Ms: of("p99Ms"), p999Ms: of("p999Ms"), maxMs: of("maxMs") },
  };
}

export const openLoopPart: Part = async ({ directory, rounds, seconds, hasEtcd, log }) => {
  const titan = await TitanNodes.start(join(directory, "titan"), []);
  const etcd = hasEtcd ? await EtcdMembers.start(join(directory, "etcd")) : undefined;
  const endpoints = titan.nodes.map(({ address }) => address);
  const client = new TitanClient({ endpoints, values: "bytes", timeoutMs: 30_000 });
  try {
    await loadKeys(titan);
    await titan.untilLed();
    const puts = new Map<string, Put>([["titan", (at) => client.put(keyAt(at), VALUE)]]);
    if (etcd !== undefined) {
      const { kv } = etcd.leader();
      puts.set("etcd", (at) => kv.put({ key: keyAt(at), value: VALUE }));
    }
    const saturation = new Map<string, number>();
    for (const [name, put] of puts) {
      await measure(put, CALLERS, WARM_UP_MS);
      const found = [];
      for (let round = 0; round < rounds; round += 1) {
        found.push(await measure(put, CALLERS, seconds * 1_000));
      }
      saturation.set(name, median(found.map(({ opsPerSecond }) => opsPerSecond)));
    }
    const loads = loadsOf(saturation);
    const results = loads.map(() => [] as OpenMeasurement[]);
    for (let round = 1; round <= rounds; round += 1) {
      for (const [at, { store, perSecond }] of loads.entries()) {
        const put = puts.get(store);
        if (put === undefined) continue;
        results[at]?.push(await measureOpen(put, perSecond, 3 * seconds * 1_000));
      }
      log(`open-loop: round ${round} of ${rounds}`);
    }
    return render(loads, results.map(medians), await bytesPerQueuedCall());
  } finally {
    await client.close();
    await etcd?.close();
    await titan.close();
  }
};

interface Load {
  readonly store: string;
  readonly what: string;
  readonly perSecond: number;
}

function loadsOf(saturation: ReadonlyMap<string, number>): readonly Load[] {
  const loads = [...saturation].flatMap(([store, most]) =>
    SHARES.map((share) => ({
      store,
      what: `${100 * share} % of its ${Math.round(most)}/s`,
      perSecond: Math.round(most * share),
    })),
  );
  const etcds = saturation.get("etcd");
  if (etcds === undefined) return loads;
  return [...loads, { store: "titan", what: "half of etcd's", perSecond: Math.round(etcds / 2) }];
}

/** Puts in line behind one that is not answered: nobody listens at the address. */
async function bytesPerQueuedCall(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const client = new TitanClient({
    ...{ endpoints: ["127.0.0.1:1"], values: "bytes", maxConcurrentCalls: 1, timeoutMs: 60_000 },
  });
  const held = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = held();
  const calls = Array.from({ length: QUEUED }, (_, at) => client.put(keyAt(at), VALUE));
  const settled = Promise.allSettled(calls);
  const after = held();
  await client.close();
  await settled;
  return (after - before) / QUEUED;
}

function render(
  loads: readonly Load[],
  results: readonly OpenMeasurement[],
  queuedBytes: number,
): string {
  const rows = loads.map(({ store, what, perSecond }, at) => {
    const one = results[at];
    const of = (ms: number | undefined): string => (ms ?? Number.NaN).toFixed(2);
    return [
      ...[store, what, String(perSecond), of(one?.p50Ms), of(one?.p99Ms), of(one?.p999Ms)],
      ...[of(one?.maxMs), String(one?.failed ?? "–")],
    ];
  });
  const p99Of = (store: string, what: (load: Load) => boolean): number =>
    results[loads.findIndex((load) => load.store === store && what(load))]?.p99Ms ?? Number.NaN;
  const ours = p99Of("titan", ({ what }) => what === "half of etcd's");
  const theirs = p99Of("etcd", ({ what }) => what.startsWith("50 %"));
  const isCompared = !Number.isNaN(ours) && !Number.isNaN(theirs);
  const target = isCompared
    ? `At half of etcd's saturation: p99 ${ours.toFixed(2)} ms beside etcd's ${theirs.toFixed(2)} ms, ≤ 1×: ${verdict(ours <= theirs)}.`
    : "";
  const head = ["store", "load", "puts per second", "p50 ms", "p99", "p99.9", "max", "failed"];
  return `Puts on a schedule, latency from when each was due; saturation is what ${CALLERS} callers in a closed loop reach. One client process;
Titan by \`@titan/client\` with its defaults, etcd by unary calls to its leader. Exact quantiles, medians over the rounds.

${table(head, rows)}

${target}

A put of a 16-byte key and a ${VALUE.length}-byte value that waits in line holds ${Math.round(queuedBytes)} bytes (${QUEUED} of them).`;
}
