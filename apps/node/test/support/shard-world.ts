/** Replicas of a shard on nodes of one process: disks and logs in memory, one virtual clock. */
import { FakeMachine, ManualClock, MemoryFileSystem, SeededRandom } from "@titan/bitcask/testing";
import { MemoryGroupLogs, RaftHost, type RaftHostOptions, toNodeId } from "@titan/raft";
import { LossyTransport, MemoryNetwork } from "@titan/raft/transport";
import { encodeCommand } from "../../src/shard/command-codec.js";
import { type OpenShardReplica, openShardReplica } from "../../src/shard/open-shard-replica.js";
import { decodeResult, type ShardAnswer } from "../../src/shard/result-codec.js";
import type { ShardCommand, WriteId } from "../../src/shard/shard-command.js";
import type { ShardOptions } from "../../src/shard/shard-options.js";

export interface ShardNode {
  readonly id: number;
  readonly log: MemoryGroupLogs;
  readonly fileSystem: MemoryFileSystem;
  readonly transport: LossyTransport;
  readonly host: RaftHost;
  readonly replica: OpenShardReplica;
}

export interface ShardWorldOptions {
  readonly shard?: ShardOptions;
  readonly host?: RaftHostOptions;
  readonly compaction?: { readonly everyEntries: number; readonly keepEntries: number };
  readonly droppedKeyspaces?: () => readonly number[];
}

/** What a node has left on its disk. */
export interface NodeRemains {
  readonly log: MemoryGroupLogs;
  readonly fileSystem: MemoryFileSystem;
}

export const LIMITS = { timeoutMs: 5_000 } as const;
export const LINEARIZABLE = { type: "linearizable" } as const;
const GROUP = { maxPromotionLag: 64 } as const;
const MAX_NODES = 5;
let nextPid = 1;

export class ShardWorld {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork({ clock: this.clock, latencyMs: 1 });
  readonly nodes = new Map<number, ShardNode>();
  /** How far a node's idea of the cluster's clock is off. */
  readonly clockErrors = new Map<number, number>();
  readonly #options: ShardWorldOptions;
  readonly #random = new SeededRandom(1);

  constructor(options: ShardWorldOptions = {}) {
    this.#options = options;
  }

  /** Nodes 1 to `count`, the founders of the shard. */
  async found(count: number): Promise<OpenShardReplica[]> {
    const founders = Array.from({ length: count }, (_, at) => at + 1);
    const replicas: OpenShardReplica[] = [];
    for (const id of founders) replicas.push(await this.start(id, founders));
    await this.leader();
    return replicas;
  }

  async start(
    id: number,
    founders?: readonly number[],
    remains?: NodeRemains,
  ): Promise<OpenShardReplica> {
    const { clock } = this;
    const log = remains?.log ?? new MemoryGroupLogs();
    const fileSystem = remains?.fileSystem ?? new MemoryFileSystem({ clock });
    const random = new SeededRandom(this.#random.nextInt(2 ** 31));
    const processes = new FakeMachine().start(nextPid++);
    const ports = { fileSystem, clock, random, processes };
    const inner = this.network.transport(id);
    for (let peer = 1; peer <= MAX_NODES; peer += 1)
      if (peer !== id) inner.setPeer(toNodeId(peer), "");
    const transport = new LossyTransport({ inner, clock, random });
    const host = await this.settled(
      RaftHost.start(
        {
          nodeId: id,
          log,
          transport,
          ports: { clock, random, defer: (run) => queueMicrotask(run) },
          snapshots: { fileSystem, directory: "/data/snapshots" },
        },
        { tickMs: 10, quiesceTicks: 1_000_000, ...this.#options.host },
      ),
    );
    const { shard, compaction, droppedKeyspaces } = this.#options;
    const replica = await this.settled(
      openShardReplica(host, {
        shard: 0,
        directory: "/data/shards/0",
        ports,
        clusterNowMs: () => clock.wallMs() + (this.clockErrors.get(id) ?? 0),
        ...(founders && { founders }),
        ...(shard && { options: shard }),
        ...(droppedKeyspaces && { droppedKeyspaces }),
        group: { ...GROUP, ...(compaction && { compaction }) },
      }),
    );
    this.nodes.set(id, { id, log, fileSystem, transport, host, replica });
    return replica;
  }

  node(id: number): ShardNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Cuts a node off from all others, in both directions. */
  isolate(id: number): void {
    for (const { id: other, transport } of this.nodes.values()) {
      if (other === id)
        for (const to of this.nodes.keys()) if (to !== id) transport.cut(toNodeId(to));
      if (other !== id) transport.cut(toNodeId(id));
    }
  }

  heal(): void {
    for (const { transport } of this.nodes.values()) transport.heal();
  }

  /** Kills the process and cuts the power: the log keeps all, the disk what was synced. */
  async kill(id: number): Promise<NodeRemains> {
    const { log, fileSystem, transport, host } = this.node(id);
    const survivor = fileSystem.crash();
    this.nodes.delete(id);
    await transport.close();
    void host.close().catch(() => undefined);
    await this.run(2);
    return { log, fileSystem: survivor };
  }

  /** Ends a node in good order. */
  async stop(id: number): Promise<NodeRemains> {
    const { log, fileSystem, host } = this.node(id);
    this.nodes.delete(id);
    await this.settled(host.close());
    return { log, fileSystem };
  }

  /** The replica that leads, once a majority follows it. */
  async leader(): Promise<OpenShardReplica> {
    let found: OpenShardReplica | undefined;
    await this.until(() => {
      const replicas = [...this.nodes.values()].map(({ replica }) => replica);
      found = replicas.find((one) => {
        if (!one.isLeader) return false;
        const { voters } = one.status();
        const followers = replicas.filter(({ leader }) => leader === one.leader);
        return followers.length * 2 > voters.length;
      });
      return found !== undefined;
    });
    if (found === undefined) throw new Error("no leader");
    return found;
  }

  /** Proposes at the leader. */
  async run1(body: ShardCommand["body"], writeId?: WriteId): Promise<ShardAnswer> {
    const leader = await this.leader();
    const command = encodeCommand({ body, atMs: 0, writeId });
    return decodeResult(await this.settled(leader.propose(command, LIMITS)));
  }

  put(key: string, value: string, ttlMs = 0): Promise<ShardAnswer> {
    return this.run1({
      type: "put",
      keyspace: 1,
      key: Buffer.from(key),
      value: Buffer.from(value),
      ttlMs,
    });
  }

  /** The value of a key at a replica, as text. */
  async get(replica: OpenShardReplica, key: string): Promise<string | undefined> {
    await this.until(() => replica.leader !== undefined);
    const read = replica.read(1, [Buffer.from(key)], LINEARIZABLE, LIMITS);
    const [found] = await this.settled(read);
    return found?.entry === undefined ? undefined : Buffer.from(found.entry.value).toString();
  }

  /** Changes who is in the group, once it may be changed. */
  async change(
    leader: OpenShardReplica,
    operation: "add-learner" | "add-voter" | "remove",
    node: number,
  ): Promise<void> {
    const changes = [{ operation, node: toNodeId(node) }];
    await this.settled(leader.group.changeConfig({ transition: "auto", changes }));
  }

  /** Lets time pass, a millisecond after the other. */
  async run(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 1) {
      this.clock.advance(1);
      await this.flush();
    }
  }

  async until(test: () => boolean, withinMs = 20_000): Promise<void> {
    for (let passed = 0; !test(); passed += 1) {
      if (passed > withinMs) throw new Error(`not within ${withinMs} ms: ${test.toString()}`);
      await this.run(1);
    }
  }

  /** Lets time pass until `promise` is settled. */
  async settled<Result>(promise: Promise<Result>): Promise<Result> {
    let isDone = false;
    const end = (): void => {
      isDone = true;
    };
    promise.then(end, end);
    await this.flush();
    await this.until(() => isDone);
    return promise;
  }

  async close(): Promise<void> {
    for (const id of [...this.nodes.keys()]) await this.stop(id);
  }

  /** Lets everything run that can run now. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
