/**
 * Three members of @titan/raft, each a process, over loopback TCP and with fsync; beside them, in turn,
 * what disk and wire take alone, and etcd on the same disk.
 *
 *   pnpm --filter @titan/bench bench:raft [--rounds 3] [--seconds 2] [--directory /tmp] [--no-etcd] [--dry]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Measurement, median } from "../closed-loop.js";
import { circumstances, writeSection } from "../report.js";
import { type Cluster, startCluster } from "./cluster.js";
import { type EtcdCluster, startEtcd } from "./etcd.js";
import { rawRoundTripMs, rawSyncMs } from "./raw.js";
import { type Figures, type Row, toTable } from "./table.js";
import { type Operation, VALUE_BYTES, type Work } from "./work.js";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    directory: { type: "string", default: tmpdir() },
    "no-etcd": { type: "boolean", default: false },
    dry: { type: "boolean", default: false },
  },
});
const rounds = Number(flags.rounds);
const durationMs = Number(flags.seconds) * 1000;
const RAW_MS = 500;

const CELLS = (["write", "read"] as const).flatMap((operation) =>
  [1, 64, 1024].map((callers) => ({ operation, callers })),
);

interface Found {
  readonly operation: Operation;
  readonly callers: number;
  readonly titan: Work[];
  readonly etcd: Measurement[];
}

async function measureAll(directory: string, titan: Cluster, etcd: EtcdCluster | undefined) {
  const found: Found[] = CELLS.map((cell) => ({ ...cell, titan: [], etcd: [] }));
  const [syncs, roundTrips]: [number[], number[]] = [[], []];
  // Not counted: so that all code is compiled and all connections are warm.
  await titan.measure("write", 256, RAW_MS);
  for (let round = 1; round <= rounds; round += 1) {
    syncs.push(await rawSyncMs(directory, RAW_MS));
    roundTrips.push(await rawRoundTripMs(RAW_MS));
    for (const { operation, callers, titan: ours, etcd: theirs } of found) {
      ours.push(await titan.measure(operation, callers, durationMs));
      if (etcd !== undefined) theirs.push(await etcd.measure(operation, callers, durationMs));
    }
    console.error(`round ${round} of ${rounds}`);
  }
  return { found, floor: { syncMs: median(syncs), roundTripMs: median(roundTrips) } };
}

function figuresOf(all: readonly Measurement[]): Figures {
  const of = (field: "opsPerSecond" | "p50Ms" | "p99Ms"): number =>
    median(all.map((one) => one[field]));
  return { opsPerSecond: of("opsPerSecond"), p50Ms: of("p50Ms"), p99Ms: of("p99Ms") };
}

function rowOf({ operation, callers, titan, etcd }: Found): Row {
  const perSync = median(titan.map(({ calls, syncs }) => calls / Math.max(1, syncs)));
  const beside = etcd.length === 0 ? undefined : figuresOf(etcd);
  return { operation, callers, titan: { ...figuresOf(titan), perSync }, etcd: beside };
}

async function run(): Promise<string> {
  const where = circumstances();
  const directory = await mkdtemp(join(flags.directory, "titan-bench-raft-"));
  const etcd = flags["no-etcd"] ? undefined : await startEtcd(directory);
  const titan = await startCluster(directory);
  try {
    const { found, floor } = await measureAll(directory, titan, etcd);
    const sum = floor.syncMs + floor.roundTripMs;
    return `## @titan/raft beside etcd

\`pnpm --filter @titan/bench bench:raft\`; medians of ${rounds} interleaved rounds of ${durationMs / 1000} s. ${where}.

Three members, each a process, on one disk, over loopback TCP, every commit synced; ${VALUE_BYTES}-byte proposals
and ReadIndex reads, closed loop, called in the leader's process. etcd${
      etcd === undefined
        ? " was not measured"
        : ` ${etcd.version}: puts of ${VALUE_BYTES} bytes and
linearizable gets through its own Go client, over gRPC from a process of its own, as it cannot be called otherwise`
    }.

Alone, in the same rounds: write and fdatasync ${floor.syncMs.toFixed(2)} ms, a round trip ${floor.roundTripMs.toFixed(2)} ms, together ${sum.toFixed(2)} ms.

${toTable(found.map(rowOf), floor)}`;
  } finally {
    await titan.stop();
    await etcd?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

const markdown = await run();
console.log(markdown);
if (!flags.dry) writeSection("raft", markdown);
