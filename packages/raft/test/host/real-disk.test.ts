import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { toNodeId } from "../../src/core/ids.js";
import { nodeFreeBytes, nodeHostPorts } from "../../src/host/ports.js";
import type { RaftGroup } from "../../src/host/raft-group.js";
import { RaftHost } from "../../src/host/raft-host.js";
import { MemoryNetwork } from "../../src/transport/memory-network.js";
import { NodeFileSystem } from "../../src/wal/node-file-system.js";
import { nodePorts } from "../../src/wal/node-ports.js";
import { RaftWal } from "../../src/wal/raft-wal.js";
import { bytes, JournalMachine } from "./support/journal-machine.js";

const VOTERS = [1, 2, 3];
let directory = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "titan-raft-host-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function start() {
  const network = new MemoryNetwork();
  const machines = VOTERS.map(() => new JournalMachine());
  const running: { host: RaftHost; wal: RaftWal; group: RaftGroup }[] = [];
  for (const id of VOTERS) {
    const home = join(directory, String(id));
    const wal = await RaftWal.open(join(home, "wal"), nodePorts(), { segmentBytes: 1024 * 1024 });
    const transport = network.transport(id);
    for (const peer of VOTERS) if (peer !== id) transport.setPeer(toNodeId(peer), "memory");
    const host = await RaftHost.start(
      {
        nodeId: id,
        log: wal,
        transport,
        ports: nodeHostPorts(),
        freeBytes: nodeFreeBytes(directory),
        snapshots: { fileSystem: new NodeFileSystem(), directory: join(home, "snapshots") },
      },
      { tickMs: 20, minFreeBytes: 1 },
    );
    const group = await host.openGroup({
      group: 1,
      stateMachine: machines[id - 1]!,
      founders: { voters: VOTERS },
      options: { compaction: { everyEntries: 100, keepEntries: 10 } },
    });
    running.push({ host, wal, group });
  }
  const close = async (): Promise<void> => {
    for (const { host, wal } of running) {
      await host.close();
      await wal.close();
    }
  };
  const leader = async () => {
    for (;;) {
      const found = running.find(({ group }) => group.role === "leader");
      if (found !== undefined) return found.group;
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
  };
  return { machines, leader, close };
}

test("three hosts on a real disk keep what they acknowledged over a restart of all", async () => {
  const words = Array.from({ length: 500 }, (_, at) => `w${at}`);
  const first = await start();
  const before = await first.leader();
  await Promise.all(words.map((word) => before.propose(bytes(word))));
  await first.close();
  const second = await start();
  const after = await second.leader();
  await after.readIndex();
  expect(second.machines[after.status().id - 1]!.lines).toEqual(words);
  await after.propose(bytes("and on"));
  await second.close();
});
