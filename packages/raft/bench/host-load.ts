/**
 * Closed-loop load on three hosts in one process: proposals of a fixed size, a fixed number under way.
 *
 *   npx tsup bench/host-load.ts --out-dir <dir> --format esm
 *   node <dir>/host-load.js [memory|disk] [concurrency] [seconds] [bytes]
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toNodeId } from "../src/core/ids.js";
import { MemoryGroupLogs } from "../src/host/memory-group-logs.js";
import { nodeHostPorts } from "../src/host/ports.js";
import type { RaftGroup } from "../src/host/raft-group.js";
import { RaftHost } from "../src/host/raft-host.js";
import type { Command } from "../src/host/state-machine.js";
import { MemoryNetwork } from "../src/transport/memory-network.js";
import { NodeFileSystem } from "../src/wal/node-file-system.js";
import { nodePorts } from "../src/wal/node-ports.js";
import { RaftWal } from "../src/wal/raft-wal.js";

const [kind = "memory", concurrency = "1024", seconds = "5", size = "16"] = process.argv.slice(2);
const VOTERS = [1, 2, 3];

class Counter {
  readonly kind = "in-memory" as const;
  count = 0;

  apply(commands: readonly Command[]): undefined[] {
    this.count += commands.length;
    return commands.map(() => undefined);
  }

  snapshot(): Uint8Array[] {
    return [Buffer.from(String(this.count))];
  }

  async restore(): Promise<void> {
    // Never cut far enough to be needed here.
  }
}

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "titan-host-load-"));
  const network = new MemoryNetwork();
  const groups: RaftGroup[] = [];
  const hosts: RaftHost[] = [];
  let syncs = 0;
  for (const id of VOTERS) {
    const observer = { onAppend: () => (syncs += 1) };
    const log =
      kind === "memory"
        ? new MemoryGroupLogs()
        : await RaftWal.open(join(directory, `wal${id}`), nodePorts(), { observer });
    const transport = network.transport(id);
    for (const peer of VOTERS) if (peer !== id) transport.setPeer(toNodeId(peer), "memory");
    const host = await RaftHost.start({
      nodeId: id,
      log,
      transport,
      ports: nodeHostPorts(),
      snapshots: { fileSystem: new NodeFileSystem(), directory: join(directory, `snap${id}`) },
    });
    hosts.push(host);
    const founders = { voters: VOTERS };
    groups.push(await host.openGroup({ group: 1, stateMachine: new Counter(), founders }));
  }
  groups[0]?.campaign();
  const leader = groups[0];
  if (leader === undefined) throw new Error("no group");
  await until(() => leader.role === "leader");
  const data = new Uint8Array(Number(size));
  const end = performance.now() + Number(seconds) * 1000;
  const begin = performance.now();
  const cpu = process.cpuUsage();
  syncs = 0;
  let done = 0;
  const latencies: number[] = [];
  await Promise.all(
    Array.from({ length: Number(concurrency) }, async () => {
      while (performance.now() < end) {
        const start = performance.now();
        await leader.propose(data);
        done += 1;
        if (done % 16 === 0) latencies.push(performance.now() - start);
      }
    }),
  );
  const elapsed = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (share: number): string =>
    (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
  console.log(
    `${kind}, ${concurrency} under way, ${size} B: ${Math.round(done / elapsed)}/s,` +
      ` p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, cores ${((user + system) / 1e6 / elapsed).toFixed(2)},` +
      ` proposals per write ${(done / Math.max(1, syncs / 3)).toFixed(1)}`,
  );
  let reads = 0;
  const readEnd = performance.now() + 2000;
  await Promise.all(
    Array.from({ length: Number(concurrency) }, async () => {
      while (performance.now() < readEnd) {
        await leader.readIndex();
        reads += 1;
      }
    }),
  );
  console.log(`reads ${Math.round(reads / 2)}/s`);
  for (const host of hosts) await host.close();
  await rm(directory, { recursive: true });
}

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 10));
}

await main();
process.exit(0);
