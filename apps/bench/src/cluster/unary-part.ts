/** Put and linearizable get, one call after another from each caller: Titan, etcd, and an echo. */
import { join } from "node:path";
import { type Measurement, measure } from "../closed-loop.js";
import { connect } from "../echo-servers.js";
import { startServer } from "../server-process.js";
import { EtcdMembers } from "./etcd-members.js";
import { ALL_KEYS, type LedKey, loadKeys, VALUE } from "./keys.js";
import type { Part } from "./part.js";
import { figures, rateOf, table, verdict } from "./table.js";
import { TitanNodes } from "./titan-nodes.js";

const CALLERS = [1, 64, 256];
const WARM_UP_MS = 1_000;
const ECHO = join(import.meta.dirname, "echo-server.js");

type Call = (sequence: number) => Promise<unknown>;

/** One way to be asked, and what came of it. */
interface Way {
  readonly name: string;
  readonly put?: Call;
  readonly get: Call;
}

const pick = <T>(list: readonly T[], sequence: number): T => {
  const found = list[sequence % list.length];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
};

function titanWays(titan: TitanNodes, led: readonly LedKey[]): readonly Way[] {
  const [one] = titan.nodes;
  const ofOne = led.filter(({ leader }) => leader === one);
  const atLeader = (keys: readonly LedKey[]) => ({
    put: (sequence: number) => {
      const { key, leader } = pick(keys, sequence);
      return leader.kv.put({ key, value: VALUE });
    },
    get: (sequence: number) => {
      const { key, leader } = pick(keys, sequence);
      return leader.kv.get({ key });
    },
  });
  return [
    { name: "leaders", ...atLeader(led) },
    { name: "one leader", ...atLeader(ofOne) },
    {
      name: "any node",
      put: (sequence) => {
        const { kv } = pick(titan.nodes, sequence);
        return kv.put({ key: pick(ALL_KEYS, sequence), value: VALUE });
      },
      get: (sequence) => pick(titan.nodes, sequence).kv.get({ key: pick(ALL_KEYS, sequence) }),
    },
  ];
}

function etcdWays(etcd: EtcdMembers): readonly Way[] {
  const { kv } = etcd.leader();
  return [
    {
      name: "leader",
      put: (sequence) => kv.put({ key: pick(ALL_KEYS, sequence), value: VALUE }),
      get: (sequence) => kv.range({ key: pick(ALL_KEYS, sequence) }),
    },
    {
      name: "any node",
      put: (sequence) => {
        const { kv } = pick(etcd.members, sequence);
        return kv.put({ key: pick(ALL_KEYS, sequence), value: VALUE });
      },
      get: (sequence) => pick(etcd.members, sequence).kv.range({ key: pick(ALL_KEYS, sequence) }),
    },
  ];
}

export const unaryPart: Part = async ({ directory, rounds, seconds, hasEtcd, log }) => {
  const titan = await TitanNodes.start(join(directory, "titan"), []);
  const etcd = hasEtcd ? await EtcdMembers.start(join(directory, "etcd")) : undefined;
  const echo = await startServer(ECHO, []);
  const echoes = connect(echo.address);
  try {
    const byShard = await loadKeys(titan);
    const { byShard: leaders } = await titan.untilLed();
    const led: LedKey[] = [];
    for (const [shard, keys] of byShard) {
      const leader = leaders[shard];
      if (leader !== undefined) led.push(...keys.map((key) => ({ key, leader })));
    }
    // So that neighbours in the list are of different shards.
    led.sort((a, b) => Buffer.compare(a.key, b.key));
    const ways = new Map<string, Way>([
      ...titanWays(titan, led).map((way) => [`titan, ${way.name}`, way] as const),
      ...(etcd === undefined ? [] : etcdWays(etcd)).map(
        (way) => [`etcd, ${way.name}`, way] as const,
      ),
      ["echo", { name: "echo", put: echoes.operations.put, get: echoes.operations.get }],
    ]);
    const found = new Map<string, Measurement[]>();
    for (const { put, get } of ways.values()) {
      if (put !== undefined) await measure(put, 64, WARM_UP_MS);
      await measure(get, 64, WARM_UP_MS);
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const operation of ["put", "get"] as const) {
        for (const callers of CALLERS) {
          for (const [name, way] of ways) {
            const call = way[operation];
            if (call === undefined) continue;
            const cell = `${operation} ${callers} ${name}`;
            const all = found.get(cell) ?? [];
            all.push(await measure(call, callers, seconds * 1_000));
            found.set(cell, all);
          }
        }
      }
      log(`unary: round ${round} of ${rounds}`);
    }
    return render([...ways.keys()], found);
  } finally {
    echoes.channel.close();
    await echo.stop();
    await etcd?.close();
    await titan.close();
  }
};

function render(
  names: readonly string[],
  found: ReadonlyMap<string, readonly Measurement[]>,
): string {
  const of = (operation: string, callers: number, name: string) =>
    found.get(`${operation} ${callers} ${name}`) ?? [];
  const rows = (["put", "get"] as const).flatMap((operation) =>
    CALLERS.map((callers) => {
      const ratio = (ours: string, theirs: string): number =>
        rateOf(of(operation, callers, ours)) / rateOf(of(operation, callers, theirs));
      const beside = (value: number, target: number): string =>
        Number.isNaN(value) ? "–" : `${value.toFixed(2)}, ${verdict(value >= target)}`;
      return [
        ...[operation, String(callers)],
        ...names.map((name) => figures(of(operation, callers, name))),
        beside(ratio("titan, leaders", "etcd, leader"), 1),
        beside(ratio("titan, any node", "titan, leaders"), 0.8),
        operation === "get" ? beside(ratio("titan, one leader", "echo"), 0.8) : "–",
      ];
    }),
  );
  const head = [
    ...["call", "callers"],
    ...names,
    ...["Titan by etcd, ≥ 1", "any node by leaders, ≥ 0.8", "one leader by echo, ≥ 0.8"],
  ];
  return `Unary calls, calls per second (p50 / p99 ms); 16-byte keys, ${VALUE.length}-byte values, one client process.
"leaders": each call goes to the leader of its key's shard; "one leader": only keys whose shard one node leads.

${table(head, rows)}`;
}
