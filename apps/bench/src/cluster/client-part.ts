/** The client of this project, pipelined and not, beside etcd asked by unary calls from Node. */
import { join } from "node:path";
import { TitanClient } from "@titan/client";
import { type Measurement, measure } from "../closed-loop.js";
import { EtcdMembers } from "./etcd-members.js";
import { ALL_KEYS, loadKeys, VALUE } from "./keys.js";
import type { Part } from "./part.js";
import { figures, rateOf, table, verdict } from "./table.js";
import { TitanNodes } from "./titan-nodes.js";

const CALLERS = [1, 64, 256, 1024];
const WARM_UP_MS = 1_000;
const SHARE_OF_PUTS = 20;

/** Of etcd from Node, by work and callers; the issue's. */
const TARGETS: Readonly<Record<string, number>> = {
  ...{ "put 1": 1, "put 64": 3, "put 256": 6, "put 1024": 10 },
  ...{ "get 64": 6, "get 256": 12, "mix 256": 10 },
};

type Call = (sequence: number) => Promise<unknown>;

interface Way {
  readonly put: Call;
  readonly get: Call;
}

function keyAt(sequence: number): Buffer {
  return ALL_KEYS[(sequence * 7919) % ALL_KEYS.length] ?? VALUE;
}

function titanWay(client: TitanClient<Uint8Array>): Way {
  return {
    put: (sequence) => client.put(keyAt(sequence), VALUE),
    get: (sequence) => client.get(keyAt(sequence)),
  };
}

function etcdWay(etcd: EtcdMembers): Way {
  const { kv } = etcd.leader();
  return {
    put: (sequence) => kv.put({ key: keyAt(sequence), value: VALUE }),
    get: (sequence) => kv.range({ key: keyAt(sequence) }),
  };
}

const WORKS: Readonly<Record<string, (way: Way) => Call>> = {
  put: ({ put }) => put,
  get: ({ get }) => get,
  mix:
    ({ put, get }) =>
    (sequence) =>
      sequence % SHARE_OF_PUTS === 0 ? put(sequence) : get(sequence),
};

export const clientPart: Part = async ({ directory, rounds, seconds, hasEtcd, log }) => {
  const titan = await TitanNodes.start(join(directory, "titan"), []);
  const etcd = hasEtcd ? await EtcdMembers.start(join(directory, "etcd")) : undefined;
  const endpoints = titan.nodes.map(({ address }) => address);
  const options = { endpoints, values: "bytes", timeoutMs: 30_000 } as const;
  const clients = {
    titan: new TitanClient(options),
    "titan, exactlyOnce": new TitanClient({ ...options, exactlyOnce: true }),
    "titan, not pipelined": new TitanClient({ ...options, pipelining: false }),
  };
  try {
    await loadKeys(titan);
    await titan.untilLed();
    const ways = new Map<string, Way>(
      Object.entries(clients).map(([name, client]) => [name, titanWay(client)]),
    );
    if (etcd !== undefined) ways.set("etcd, unary", etcdWay(etcd));
    const found = new Map<string, Measurement[]>();
    for (const { put, get } of ways.values()) {
      await measure(put, 256, WARM_UP_MS);
      await measure(get, 256, WARM_UP_MS);
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const [work, callOf] of Object.entries(WORKS)) {
        for (const callers of CALLERS) {
          for (const [name, way] of ways) {
            const cell = `${work} ${callers} ${name}`;
            const all = found.get(cell) ?? [];
            all.push(await measure(callOf(way), callers, seconds * 1_000));
            found.set(cell, all);
          }
        }
      }
      log(`client: round ${round} of ${rounds}`);
    }
    return render([...ways.keys()], found);
  } finally {
    await Promise.all(Object.values(clients).map((client) => client.close()));
    await etcd?.close();
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
      const ratio = rateOf(of(cell, "titan")) / rateOf(of(cell, "etcd, unary"));
      const target = TARGETS[cell];
      const beside = target === undefined ? "" : `, ≥ ${target}: ${verdict(ratio >= target)}`;
      return [
        ...[work, String(callers)],
        ...names.map((name) => figures(of(cell, name))),
        Number.isNaN(ratio) ? "–" : `${ratio.toFixed(2)}${beside}`,
      ];
    }),
  );
  const head = ["work", "callers", ...names, "Titan by etcd"];
  return `Calls per second (p50 / p99 ms) by \`@titan/client\` with its defaults, which asks one node, whichever; 16-byte keys, ${VALUE.length}-byte
values, one client process, closed loop; "mix": one put in ${SHARE_OF_PUTS} calls, keys uniform. etcd: unary calls by nice-grpc to its leader.

${table(head, rows)}`;
}
