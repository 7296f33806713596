/**
 * Many groups on three hosts in one process: how long they take to start, what they weigh, and what they
 * cost when they have nothing to do.
 *
 *   npx tsup bench/host-groups.ts --out-dir <dir> --format esm
 *   node --expose-gc <dir>/host-groups.js [groups] [seconds]
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toNodeId } from "../src/core/ids.js";
import { MemoryGroupLogs } from "../src/host/memory-group-logs.js";
import { nodeHostPorts } from "../src/host/ports.js";
import { RaftHost } from "../src/host/raft-host.js";
import { MemoryNetwork } from "../src/transport/memory-network.js";
import { NodeFileSystem } from "../src/wal/node-file-system.js";

const [groupCount = "1000", seconds = "5"] = process.argv.slice(2);
const VOTERS = [1, 2, 3];

async function start(network: MemoryNetwork, id: number, directory: string): Promise<RaftHost> {
  const transport = network.transport(id);
  for (const peer of VOTERS) if (peer !== id) transport.setPeer(toNodeId(peer), "memory");
  return RaftHost.start({
    nodeId: id,
    log: new MemoryGroupLogs(),
    transport,
    ports: nodeHostPorts(),
    snapshots: { fileSystem: new NodeFileSystem(), directory: join(directory, `${id}`) },
  });
}

function nothing() {
  return {
    kind: "in-memory" as const,
    apply: (commands: readonly unknown[]) => commands.map(() => undefined),
    snapshot: () => [],
    restore: () => Promise.resolve(),
  };
}

function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "titan-host-groups-"));
  const network = new MemoryNetwork();
  const hosts: RaftHost[] = [];
  for (const id of VOTERS) hosts.push(await start(network, id, directory));
  const count = Number(groupCount);
  collect();
  const heapBefore = process.memoryUsage().heapUsed;
  const begin = performance.now();
  for (const host of hosts) {
    for (let group = 1; group <= count; group += 1) {
      const founders = { voters: VOTERS };
      await host.openGroup({ group, stateMachine: nothing(), founders });
    }
  }
  const opened = performance.now();
  for (const host of hosts) {
    for (const group of host.groups()) if (group.id % 3 === host.nodeId % 3) group.campaign();
  }
  const leads = (): number => hosts.reduce((sum, host) => sum + host.status().leads, 0);
  while (leads() < count) await pause(10);
  const led = performance.now();
  collect();
  const heap = process.memoryUsage().heapUsed - heapBefore;
  console.log(
    `${count} groups × 3: opened in ${Math.round(opened - begin)} ms, all led after` +
      ` ${Math.round(led - begin)} ms, ${Math.round(heap / count / 3)} bytes of heap each`,
  );
  await measure("awake, idle", Number(seconds));
  const sleeping = (): number => hosts.reduce((sum, host) => sum + host.status().sleepingGroups, 0);
  for (let tries = 0; sleeping() < 3 * count && tries < 300; tries += 1) await pause(100);
  console.log(`${sleeping()} of ${3 * count} asleep`);
  await measure("asleep", Number(seconds));
  for (const host of hosts) await host.close();
  await rm(directory, { recursive: true });
}

async function measure(what: string, span: number): Promise<void> {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await pause(span * 1000);
  const { user, system } = process.cpuUsage(cpu);
  const share = (user + system) / 1000 / (performance.now() - begin);
  console.log(`${what}: ${(share * 100).toFixed(2)} % of a core for all three hosts`);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

await main();
process.exit(0);
