/** From kill -9 of a node to the next successful write on every shard, beside etcd's. */
import { join } from "node:path";
import { median } from "../closed-loop.js";
import { EtcdMembers } from "./etcd-members.js";
import { loadKeys, VALUE } from "./keys.js";
import type { Part } from "./part.js";
import { firstSuccess } from "./probe.js";
import { table, verdict } from "./table.js";
import { TitanNodes } from "./titan-nodes.js";

const TIMEOUT_MS = 30_000;
const MEDIAN_TARGET_MS = 1_000;
const WORST_TARGET_MS = 2_000;

async function titanTrial(
  titan: TitanNodes,
  keys: ReadonlyMap<number, readonly Buffer[]>,
): Promise<number> {
  const { byShard } = await titan.untilLed();
  const counts = titan.nodes.map((node) => byShard.filter((leader) => leader === node).length);
  const victim = titan.nodes[counts.indexOf(Math.max(...counts))];
  if (victim === undefined) throw new Error("a cluster has nodes");
  const others = titan.nodes.filter((node) => node !== victim);
  const killedAt = performance.now();
  const killed = victim.process.kill();
  const answered = await Promise.all(
    [...keys.values()].map(([key = VALUE], at) => {
      let tries = at;
      return firstSuccess((signal) => {
        tries += 1;
        const node = others[tries % others.length] ?? victim;
        return node.kv.put({ key, value: VALUE }, { signal });
      }, TIMEOUT_MS);
    }),
  );
  await killed;
  victim.process.start();
  await victim.process.listening();
  return Math.max(...answered) - killedAt;
}

async function etcdTrial(etcd: EtcdMembers): Promise<number> {
  const victim = etcd.leader();
  const others = etcd.members.filter((member) => member !== victim);
  const killedAt = performance.now();
  const killed = etcd.killMember(victim.name);
  let tries = 0;
  const answeredAt = await firstSuccess((signal) => {
    tries += 1;
    const { kv } = others[tries % others.length] ?? victim;
    return kv.put({ key: VALUE, value: VALUE }, { signal });
  }, TIMEOUT_MS);
  await killed;
  etcd.startMember(victim.name);
  await etcd.untilServing();
  return answeredAt - killedAt;
}

export const failoverPart: Part = async ({ directory, trials, hasEtcd, log }) => {
  const titan = await TitanNodes.start(join(directory, "titan"), []);
  const etcd = hasEtcd ? await EtcdMembers.start(join(directory, "etcd")) : undefined;
  try {
    const keys = await loadKeys(titan);
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let trial = 1; trial <= trials; trial += 1) {
      ours.push(await titanTrial(titan, keys));
      if (etcd !== undefined) theirs.push(await etcdTrial(etcd));
      log(`failover: trial ${trial} of ${trials}: ${ours.at(-1)?.toFixed(0)} ms`);
    }
    const row = (name: string, all: readonly number[], target: string): string[] => [
      ...[name, String(all.length)],
      ...[median(all), Math.max(...all)].map((ms) => ms.toFixed(0)),
      target,
    ];
    const isMet = median(ours) <= MEDIAN_TARGET_MS && Math.max(...ours) <= WORST_TARGET_MS;
    const rows = [
      row("Titan: the node that leads most, all shards", ours, verdict(isMet)),
      ...(theirs.length === 0 ? [] : [row("etcd: the leader, its one group", theirs, "–")]),
    ];
    return `From kill -9 of a node to the next successful write on every one of ${keys.size} shards, through the nodes that are left.

${table(["killed", "trials", "median, ms", "worst, ms", `target: median ≤ ${MEDIAN_TARGET_MS}, worst ≤ ${WORST_TARGET_MS}`], rows)}`;
  } finally {
    await etcd?.close();
    await titan.close();
  }
};
