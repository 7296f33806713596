/** Moving a shard of 100 MB from one node to another under load. */
import { join } from "node:path";
import { waitUntil } from "@titan/testkit";
import { VALUE } from "./keys.js";
import type { Part } from "./part.js";
import { Load, type Observed } from "./probe.js";
import { table, verdict } from "./table.js";
import { TitanNodes } from "./titan-nodes.js";

const SHARD_MB = 100;
const VALUE_KB = 64;
const CALLERS = 16;
const DEADLINE_MS = 5_000;
const BASELINE_MS = 10_000;
const MOVE_TIMEOUT_MS = 120_000;
const FACTOR = 2;

export const movePart: Part = async ({ directory, log }) => {
  const titan = await TitanNodes.start(join(directory, "titan"), ["--shards", "1"]);
  let load: Load | undefined;
  try {
    const [one, two, leaving] = titan.nodes;
    if (one === undefined || two === undefined || leaving === undefined) {
      throw new Error("a cluster has three nodes");
    }
    const big = Buffer.alloc(VALUE_KB * 1024, "b");
    for (let at = 0; at < (SHARD_MB * 1024) / VALUE_KB; at += 8) {
      const keys = Array.from({ length: 8 }, (_, i) => Buffer.from(`big-${at + i}`));
      await Promise.all(keys.map((key) => one.kv.put({ key, value: big })));
    }
    log(`move: ${SHARD_MB} MB are stored`);
    const call = (sequence: number): Promise<unknown> => {
      const { kv } = sequence % 2 === 0 ? one : two;
      const signal = AbortSignal.timeout(DEADLINE_MS);
      const key = Buffer.from(`key-${sequence % 500}`);
      return sequence % 4 < 2
        ? kv.put({ key, value: VALUE }, { signal })
        : kv.get({ key }, { signal });
    };
    load = new Load(call, CALLERS);
    await new Promise((resolve) => {
      setTimeout(resolve, 2_000);
    });
    load.take();
    await new Promise((resolve) => {
      setTimeout(resolve, BASELINE_MS);
    });
    const before = load.take();
    const beganAt = performance.now();
    const joined = await titan.join();
    await one.administration.leave({ nodeId: leaving.id });
    await waitUntil(
      async () => {
        const map = await one.administration.getClusterMap({ knownEpoch: 0, waitMs: 0 });
        const numberOf = (id: string) => map.nodes.find(({ nodeId }) => nodeId === id)?.number;
        const holders = map.shards[0]?.replicas.map(({ nodeNumber }) => nodeNumber) ?? [];
        const [from, to] = [numberOf(leaving.id), numberOf(joined.id)];
        const isGone = from === undefined || !holders.includes(from);
        return isGone && to !== undefined && holders.includes(to) && holders.length === 3;
      },
      { what: "the shard to have moved", timeoutMs: MOVE_TIMEOUT_MS },
    );
    const seconds = (performance.now() - beganAt) / 1_000;
    const meanwhile = load.take();
    log(`move: done after ${seconds.toFixed(1)} s`);
    const isMet = meanwhile.failures === 0 && meanwhile.p99Ms <= FACTOR * before.p99Ms;
    const row = (
      name: string,
      { calls, failures, p99Ms, longestGapMs }: Observed,
      target: string,
    ) => [
      ...[name, String(calls), String(failures), p99Ms.toFixed(1), longestGapMs.toFixed(0), target],
    ];
    const rows = [
      row(`before, ${BASELINE_MS / 1_000} s`, before, "–"),
      row(`meanwhile, ${seconds.toFixed(1)} s`, meanwhile, verdict(isMet)),
    ];
    return `A shard of ${SHARD_MB} MB moves to a node that joins, from one that leaves; ${CALLERS} callers put and get on two of the others.

${table(["", "calls", "failed", "p99, ms", "longest time without an answer, ms", `target: none failed, p99 ≤ ${FACTOR}×`], rows)}`;
  } catch (error) {
    log(titan.said);
    throw error;
  } finally {
    await load?.stop();
    await titan.close();
  }
};
