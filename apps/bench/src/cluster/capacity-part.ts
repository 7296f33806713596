/** What three nodes can do below gRPC: a driver in each of them feeds its router. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { freeAddresses } from "@titan/testkit";
import { median } from "../closed-loop.js";
import type { CapacityAnswer, CapacityJob, CapacityNodeOptions } from "./capacity-job.js";
import type { Part } from "./part.js";
import { table, verdict } from "./table.js";

const NODES = 3;
const SHARDS = 16;
const BATCH = 64;
/** Of operations per second, by kind of work; the issue's. */
const TARGETS = { put: 60_000, batch: 60_000, get: 200_000 } as const;
const CALLERS: Readonly<Record<CapacityJob["kind"], readonly number[]>> = {
  put: [1, 64, 1024, 4096],
  batch: [48],
  get: [1, 64, 1024, 4096],
};

/** Of the nodes that drive in one round. */
interface Round {
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU seconds of their processes per second. */
  readonly cores: number;
}

async function startNodes(directory: string): Promise<readonly ChildProcess[]> {
  const addresses = await freeAddresses(2 * NODES);
  const places = Array.from({ length: NODES }, (_, at) => ({
    nodeId: `n${at + 1}`,
    ...{ grpcAddr: addresses[2 * at] ?? "", raftAddr: addresses[2 * at + 1] ?? "" },
  }));
  const peers = places.map((one) => `${one.nodeId}@${one.grpcAddr}@${one.raftAddr}`).join(",");
  const children = places.map((place) => {
    const dataDir = join(directory, place.nodeId);
    const options: CapacityNodeOptions = { ...place, dataDir, peers, shards: SHARDS };
    return fork(join(import.meta.dirname, "capacity-node.js"), [JSON.stringify(options)]);
  });
  process.on("exit", () => {
    for (const child of children) child.kill("SIGKILL");
  });
  await Promise.all(children.map(answerOf));
  return children;
}

/** @throws when the node ends instead of answering */
async function answerOf(node: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  const ended = once(node, "exit", { signal }).then(() => {
    throw new Error("a node of the capacity part has ended");
  });
  try {
    const [answer] = (await Promise.race([once(node, "message", { signal }), ended])) as [unknown];
    return answer;
  } finally {
    over.abort();
    ended.catch(() => undefined);
  }
}

async function end(node: ChildProcess): Promise<void> {
  if (node.exitCode !== null || node.signalCode !== null) return;
  const ended = once(node, "exit");
  node.kill("SIGKILL");
  await ended;
}

async function run(nodes: readonly ChildProcess[], job: CapacityJob): Promise<Round> {
  const answers = await Promise.all(
    nodes.map(async (node, at) => {
      const share = Math.floor(job.callers / NODES) + (at < job.callers % NODES ? 1 : 0);
      if (share === 0) return [];
      node.send({ ...job, callers: share });
      return [(await answerOf(node)) as CapacityAnswer];
    }),
  );
  const all = answers.flat();
  const perCall = job.kind === "batch" ? job.batch : 1;
  const sum = all.reduce((so, { measurement }) => so + measurement.opsPerSecond, 0);
  const cores = all.reduce((so, one) => so + one.cores, 0);
  return {
    opsPerSecond: sum * perCall,
    p50Ms: Math.max(...all.map(({ measurement }) => measurement.p50Ms)),
    p99Ms: Math.max(...all.map(({ measurement }) => measurement.p99Ms)),
    cores,
  };
}

export const capacityPart: Part = async ({ directory, rounds, seconds, log }) => {
  const nodes = await startNodes(directory);
  try {
    const warmUp = { callers: 256, seconds: Math.max(2, seconds), batch: BATCH };
    for (const kind of ["put", "batch", "get"] as const) await run(nodes, { ...warmUp, kind });
    const rows: string[][] = [];
    for (const kind of ["put", "batch", "get"] as const) {
      const counts = CALLERS[kind];
      const found = new Map<number, Round[]>(counts.map((callers) => [callers, []]));
      for (let round = 0; round < rounds; round += 1) {
        for (const callers of counts) {
          found.get(callers)?.push(await run(nodes, { kind, callers, seconds, batch: BATCH }));
        }
        log(`capacity: ${kind}, round ${round + 1} of ${rounds}`);
      }
      const best = Math.max(
        ...counts.map((callers) => median(found.get(callers)?.map(rateOf) ?? [])),
      );
      for (const callers of counts) {
        const measured = found.get(callers) ?? [];
        const of = (field: keyof Round) => median(measured.map((one) => one[field]));
        const isBest = of("opsPerSecond") === best;
        rows.push([
          kind === "batch" ? `put, in batches of ${BATCH} on one shard` : kind,
          ...[String(callers), Math.round(of("opsPerSecond")).toLocaleString("en")],
          ...[`${of("p50Ms").toFixed(2)} / ${of("p99Ms").toFixed(1)}`, of("cores").toFixed(2)],
          isBest
            ? `≥ ${TARGETS[kind].toLocaleString("en")}: ${verdict(best >= TARGETS[kind])}`
            : "",
        ]);
      }
    }
    return `Below gRPC: a driver in each node feeds its router, a third of the callers in each, keys of all ${SHARDS} shards, so that
two of three writes go to another node; values of 100 bytes, every write synced on three nodes.

${table(["work", "callers", "operations per s", "p50 / p99, ms (the slowest node's)", "cores used by the nodes that drive", "target"], rows)}`;
  } finally {
    // Before their directories go.
    await Promise.all(nodes.map(end));
  }
};

function rateOf({ opsPerSecond }: Round): number {
  return opsPerSecond;
}
