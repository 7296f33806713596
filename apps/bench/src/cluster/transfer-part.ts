/** Planned hand-over of leadership under load, beside etcd's. */
import { join } from "node:path";
import { EtcdMembers } from "./etcd-members.js";
import { VALUE } from "./keys.js";
import type { Part } from "./part.js";
import { Load, type Observed } from "./probe.js";
import { table, verdict } from "./table.js";
import { TitanNodes } from "./titan-nodes.js";

const CALLERS = 16;
const DEADLINE_MS = 5_000;
const GAP_TARGET_MS = 100;
/** Before and after each hand-over, so that a gap has two ends. */
const SETTLE_MS = 300;

const settle = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, SETTLE_MS);
  });

/** Hands over again and again, under load. */
async function observe(
  call: (sequence: number, signal: AbortSignal) => Promise<unknown>,
  handOver: (trial: number) => Promise<void> | void,
  trials: number,
): Promise<readonly Observed[]> {
  const load = new Load((sequence) => call(sequence, AbortSignal.timeout(DEADLINE_MS)), CALLERS);
  const all: Observed[] = [];
  await settle();
  load.take();
  for (let trial = 0; trial < trials; trial += 1) {
    await handOver(trial);
    await settle();
    all.push(load.take());
  }
  await load.stop();
  return all;
}

export const transferPart: Part = async ({ directory, trials, hasEtcd, log }) => {
  // One shard, so that every call meets the leader that goes.
  const titan = await TitanNodes.start(join(directory, "titan"), ["--shards", "1"]);
  const etcd = hasEtcd ? await EtcdMembers.start(join(directory, "etcd")) : undefined;
  const keys = Array.from({ length: CALLERS }, (_, i) => Buffer.from(`key-${i}`));
  const keyAt = (sequence: number): Buffer => keys[sequence % keys.length] ?? VALUE;
  try {
    const [one] = titan.nodes;
    if (one === undefined) throw new Error("a cluster has nodes");
    await one.administration.setBalancer({ paused: true });
    const ours = await observe(
      (sequence, signal) => {
        const { kv } = titan.nodes[sequence % titan.nodes.length] ?? one;
        return kv.put({ key: keyAt(sequence), value: VALUE }, { signal });
      },
      async () => {
        const { byShard } = await titan.untilLed();
        const at = titan.nodes.findIndex((node) => node === byShard[0]);
        const next = titan.nodes[(at + 1) % titan.nodes.length] ?? one;
        await one.administration.transferLeader({ shard: 0, nodeId: next.id });
      },
      trials,
    );
    log(`transfer: ${trials} of Titan's`);
    const theirs =
      etcd === undefined
        ? []
        : await observe(
            (sequence, signal) => {
              const member = etcd.members[sequence % etcd.members.length] ?? etcd.leader();
              return member.kv.put({ key: keyAt(sequence), value: VALUE }, { signal });
            },
            () => etcd.moveLeader(),
            trials,
          );
    const row = (name: string, all: readonly Observed[], hasTarget: boolean): string[] => {
      const sum = (field: "calls" | "failures") => all.reduce((so, one) => so + one[field], 0);
      const worst = Math.max(...all.map(({ longestGapMs }) => longestGapMs));
      const isMet = sum("failures") === 0 && worst <= GAP_TARGET_MS;
      return [
        ...[name, String(all.length), String(sum("calls")), String(sum("failures"))],
        ...[worst.toFixed(0), hasTarget ? verdict(isMet) : "–"],
      ];
    };
    const rows = [row("Titan", ours, true), ...(etcd ? [row("etcd", theirs, false)] : [])];
    return `Planned hand-over of a shard's leadership, ${CALLERS} callers that put through all nodes in turn.

${table(["", "hand-overs", "calls", "failed", "longest time without an answer, ms", `target: none failed, ≤ ${GAP_TARGET_MS} ms`], rows)}`;
  } finally {
    await etcd?.close();
    await titan.close();
  }
};
