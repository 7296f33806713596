/** Three hosts in this process, over a network in memory. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type Command,
  type GroupLogs,
  type GroupOptions,
  type HostObserver,
  type InMemoryStateMachine,
  MemoryGroupLogs,
  nodeHostPorts,
  type RaftGroup,
  RaftHost,
  type RaftHostOptions,
  toNodeId,
} from "@titan/raft";
import { MemoryNetwork, type Transport } from "@titan/raft/transport";
import { NodeFileSystem, nodePorts, RaftWal } from "@titan/raft/wal";

export const IDS = [1, 2, 3];

/** What each host keeps its log in. */
export type LogKind = "memory" | "disk";

export interface TrioOptions {
  readonly log: LogKind;
  readonly directory: string;
  readonly host?: RaftHostOptions;
  /** Told of one host. */
  readonly observerOf?: (id: number) => HostObserver;
  /** In the place of a transport. */
  readonly wrap?: (transport: Transport) => Transport;
}

/** Counts commands, and keeps nothing else. */
export class Tally implements InMemoryStateMachine {
  readonly kind = "in-memory";
  count = 0;

  apply(commands: readonly Command[]): undefined[] {
    this.count += commands.length;
    return commands.map(() => undefined);
  }

  snapshot(): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
    return [Buffer.from(String(this.count))];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) this.count = Number(Buffer.from(chunk).toString());
  }
}

export class Trio {
  readonly hosts: RaftHost[];
  readonly #logs: readonly GroupLogs[];
  readonly #directory: string;

  private constructor(hosts: RaftHost[], logs: readonly GroupLogs[], directory: string) {
    this.hosts = hosts;
    this.#logs = logs;
    this.#directory = directory;
  }

  static async start(options: TrioOptions): Promise<Trio> {
    const network = new MemoryNetwork();
    const hosts: RaftHost[] = [];
    const logs: GroupLogs[] = [];
    for (const id of IDS) {
      const directory = join(options.directory, `${id}`);
      const log =
        options.log === "memory"
          ? new MemoryGroupLogs()
          : await RaftWal.open(join(directory, "log"), nodePorts());
      const plain = network.transport(id);
      for (const peer of IDS) if (peer !== id) plain.setPeer(toNodeId(peer), "memory");
      const transport = options.wrap?.(plain) ?? plain;
      const snapshots = {
        fileSystem: new NodeFileSystem(),
        directory: join(directory, "snapshots"),
      };
      const observer = options.observerOf?.(id) ?? {};
      const deps = { nodeId: id, log, transport, ports: nodeHostPorts(), snapshots };
      hosts.push(await RaftHost.start(deps, { ...options.host, observer }));
      logs.push(log);
    }
    return new Trio(hosts, logs, options.directory);
  }

  /** Opens a group on all hosts and has the first lead it. */
  async open(group: number, options: GroupOptions = {}): Promise<RaftGroup> {
    const founders = { voters: IDS };
    for (const host of this.hosts) {
      await host.openGroup({ group, stateMachine: new Tally(), founders, options });
    }
    const leader = this.hosts[0]?.group(group);
    if (leader === undefined) throw new Error("the group is not open");
    leader.campaign();
    await until(() => leader.role === "leader");
    return leader;
  }

  async close(): Promise<void> {
    for (const host of this.hosts) await host.close();
    for (const log of this.#logs) if (log instanceof RaftWal) await log.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export async function until(test: () => boolean, everyMs = 10): Promise<void> {
  while (!test()) await pause(everyMs);
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
