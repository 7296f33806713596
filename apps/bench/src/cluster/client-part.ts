/** The client of this project, pipelined and not, beside etcd from Node and from Go, and Redis. */
import { join } from "node:path";
import { TitanClient } from "@titan/client";
import { type Measurement, measure } from "../closed-loop.js";
import { buildEtcdLoad, type RunEtcdLoad } from "./etcd-load.js";
import { EtcdMembers } from "./etcd-members.js";
import { etcd3Way } from "./etcd3-client.js";
import { keyAt, loadKeys, VALUE } from "./keys.js";
import type { Part } from "./part.js";
import { Redis } from "./redis.js";
import { figures, rateOf, table, verdict } from "./table.js";
import { TitanNodes } from "./titan-nodes.js";
import type { Way } from "./way.js";

const CALLERS = [1, 64, 256, 1024];
const WARM_UP_MS = 1_000;
const SHARE_OF_PUTS = 20;

const ETCD_UNARY = "etcd, unary";
const ETCD3 = "etcd, etcd3";
const ETCD_GO = "etcd, Go";
const REDIS = "Redis";

/** Ratios to etcd from Node, and from Go, by work and callers. */
const TARGETS: Readonly<Record<string, { readonly node: number; readonly go?: number }>> = {
  "put 1": { node: 1, go: 1 },
  "put 64": { node: 3, go: 2 },
  "put 256": { node: 6, go: 3 },
  "put 1024": { node: 10, go: 4 },
  "get 64": { node: 6 },
  "get 256": { node: 12, go: 7 },
  "mix 256": { node: 10 },
};

type Call = (sequence: number) => Promise<unknown>;

/** Measures a kind of work; undefined where it is not done that way. */
type Measure = (work: string, callers: number, ms: number) => Promise<Measurement | undefined>;

function titanWay(client: TitanClient<Uint8Array>): Way {
  return { put: (key, value) => client.put(key, value), get: (key) => client.get(key) };
}

function etcdWay(etcd: EtcdMembers): Way {
  const { kv } = etcd.leader();
  return { put: (key, value) => kv.put({ key, value }), get: (key) => kv.range({ key }) };
}

const WORKS: Readonly<Record<string, (way: Way) => Call>> = {
  put: (way) => (sequence) => way.put(keyAt(sequence), VALUE),
  get: (way) => (sequence) => way.get(keyAt(sequence)),
  mix: (way) => (sequence) =>
    sequence % SHARE_OF_PUTS === 0 ? way.put(keyAt(sequence), VALUE) : way.get(keyAt(sequence)),
};

function measured(way: Way): Measure {
  return async (work, callers, ms) => {
    const callOf = WORKS[work];
    return callOf === undefined ? undefined : measure(callOf(way), callers, ms);
  };
}

/** Its program does one kind of call. */
function measuredByGo(run: RunEtcdLoad): Measure {
  return async (work, callers, ms) => {
    if (work !== "put" && work !== "get") return undefined;
    return run({ operation: work, callers, seconds: ms / 1_000, valueBytes: VALUE.length });
  };
}

export const clientPart: Part = async ({ directory, rounds, seconds, hasEtcd, log }) => {
  const titan = await TitanNodes.start(join(directory, "titan"), []);
  const etcd = hasEtcd ? await EtcdMembers.start(join(directory, "etcd")) : undefined;
  const redis = await Redis.start(join(directory, "redis"));
  const endpoints = titan.nodes.map(({ address }) => address);
  const options = { endpoints, values: "bytes", timeoutMs: 30_000 } as const;
  const clients = {
    titan: new TitanClient(options),
    "titan, exactlyOnce": new TitanClient({ ...options, exactlyOnce: true }),
    "titan, not pipelined": new TitanClient({ ...options, pipelining: false }),
  };
  const addresses = etcd?.members.map(({ address }) => address) ?? [];
  const etcd3 = etcd === undefined ? undefined : etcd3Way(addresses);
  try {
    await loadKeys(titan);
    await titan.untilLed();
    const ways = new Map<string, Measure>(
      Object.entries(clients).map(([name, client]) => [name, measured(titanWay(client))]),
    );
    if (etcd !== undefined) ways.set(ETCD_UNARY, measured(etcdWay(etcd)));
    if (etcd3 !== undefined) ways.set(ETCD3, measured(etcd3));
    const go = etcd === undefined ? undefined : buildEtcdLoad(directory, addresses);
    if (go !== undefined) ways.set(ETCD_GO, measuredByGo(go));
    if (redis !== undefined) ways.set(REDIS, measured(redis));
    const found = new Map<string, Measurement[]>();
    for (const run of ways.values()) {
      await run("put", 256, WARM_UP_MS);
      await run("get", 256, WARM_UP_MS);
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const work of Object.keys(WORKS)) {
        for (const callers of CALLERS) {
          for (const [name, run] of ways) {
            const cell = `${work} ${callers} ${name}`;
            const all = found.get(cell) ?? [];
            const one = await run(work, callers, seconds * 1_000);
            if (one !== undefined) all.push(one);
            found.set(cell, all);
          }
        }
      }
      log(`client: round ${round} of ${rounds}`);
    }
    return render([...ways.keys()], found);
  } finally {
    await Promise.all(Object.values(clients).map((client) => client.close()));
    etcd3?.close();
    await Promise.all([etcd?.close(), redis?.close()]);
    await titan.close();
  }
};

function render(
  names: readonly string[],
  found: ReadonlyMap<string, readonly Measurement[]>,
): string {
  const of = (cell: string, name: string) => found.get(`${cell} ${name}`) ?? [];
  const rows = Object.keys(WORKS).flatMap((work) =>
    CALLERS.map((callers) => {
      const cell = `${work} ${callers}`;
      const titan = rateOf(of(cell, "titan"));
      const fromNode = [ETCD_UNARY, ETCD3].map((name) => rateOf(of(cell, name)));
      const best = Math.max(...fromNode.filter((rate) => !Number.isNaN(rate)));
      const targets = TARGETS[cell];
      return [
        ...[work, String(callers)],
        ...names.map((name) => (of(cell, name).length === 0 ? "–" : figures(of(cell, name)))),
        ratio(titan / best, targets?.node),
        ratio(titan / rateOf(of(cell, ETCD_GO)), targets?.go),
        ratio(titan / rateOf(of(cell, REDIS)), undefined),
      ];
    }),
  );
  const by = ["by etcd's best from Node", "by etcd's Go client", "by Redis"];
  const head = ["work", "callers", ...names, ...by];
  return `Calls per second (p50 / p99 ms) by \`@titan/client\` with its defaults; 16-byte keys, ${VALUE.length}-byte values, one client
process, closed loop; "mix": one put in ${SHARE_OF_PUTS} calls, keys uniform. etcd: unary calls by nice-grpc to its leader, the npm package
etcd3, and its own Go client with four connections. Redis: one server, no replica, appendfsync always, ioredis with autopipelining.

${table(head, rows)}`;
}

function ratio(value: number, target: number | undefined): string {
  if (!Number.isFinite(value)) return "–";
  const beside = target === undefined ? "" : `, ≥ ${target}: ${verdict(value >= target)}`;
  return `${value.toFixed(2)}${beside}`;
}
