/** A cluster within one process, for tests. */

import { Buffer } from "node:buffer";
import { setTimeout as pause } from "node:timers/promises";
import { TitanClient } from "@titan/client";
import { freeAddresses } from "../dev/free-addresses.js";
import { ShardTable } from "../routing/shard-table.js";
import { abandon, partsOf, type RunningNode, type RunningNodeParts } from "../running-node.js";
import { startNode } from "../start-node.js";
import { isCaughtUp, isLed, isSettled, leaderOf } from "./cluster-conditions.js";
import { memoryDisk, type NodeDisk, temporaryDisk } from "./node-disk.js";
import {
  DEFAULT_NODES,
  DEFAULT_WAIT_MS,
  MAX_NODES,
  type TestClusterOptions,
} from "./test-cluster-options.js";

interface Member {
  readonly id: string;
  readonly grpcAddr: string;
  readonly raftAddr: string;
  readonly disk: NodeDisk;
  /** Of a node that was added: whom it asks. */
  readonly join: readonly string[] | undefined;
  running: RunningNode | undefined;
}

const LOOK_MS = 5;
const LOCAL = "127.0.0.1";

/**
 * Titan nodes of this process that are a cluster, on free ports of the loopback interface.
 *
 * ```ts
 * await using cluster = await TestCluster.start();
 * await cluster.client().put("k", "v");
 * const leader = await cluster.leaderOf("k");
 * await cluster.crash(leader);
 * ```
 *
 * All is real but the disk, if that is in memory: consensus, gRPC, the network. The nodes share one event loop,
 * one clock and one memory: what a process that hangs, a clock that is wrong or memory that runs out does to a
 * cluster shows only with processes.
 */
export class TestCluster implements AsyncDisposable {
  readonly #members: Member[] = [];
  readonly #clients: TitanClient[] = [];
  readonly #options: TestClusterOptions;

  private constructor(options: TestClusterOptions) {
    this.#options = options;
  }

  /**
   * Resolves when all nodes serve and every shard has a leader.
   * @throws NodeError; RangeError for a number of nodes that cannot be
   */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const { nodes = DEFAULT_NODES } = options;
    if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES) {
      throw new RangeError(`nodes: 1 to ${MAX_NODES}, not ${nodes}`);
    }
    const cluster = new TestCluster(options);
    try {
      // All at once, so that none is given twice.
      const addresses = await freeAddresses(LOCAL, 2 * nodes);
      for (let at = 0; at < nodes; at += 1) {
        await cluster.#addMember(undefined, addresses.slice(2 * at, 2 * at + 2));
      }
      await Promise.all(cluster.#members.map((member) => cluster.#run(member)));
      await cluster.led();
      return cluster;
    } catch (error) {
      await cluster.shutdown();
      throw error;
    }
  }

  /** Ids of all nodes, running or not, in the order in which they came. */
  get nodes(): readonly string[] {
    return this.#members.map(({ id }) => id);
  }

  /** Ids of those that run. */
  get running(): readonly string[] {
    return this.#members.flatMap(({ id, running }) => (running === undefined ? [] : [id]));
  }

  /** A node that runs. @throws RangeError when it does not, or there is none of that id */
  node(id: string): RunningNode {
    const { running } = this.#member(id);
    if (running === undefined) throw new RangeError(`node ${id} does not run`);
    return running;
  }

  /** Where clients reach a node: the same each time it runs. @throws RangeError */
  endpoint(id: string): string {
    return this.#member(id).grpcAddr;
  }

  /** Where a node keeps its data, in memory or on disk. @throws RangeError */
  dataDir(id: string): string {
    return this.#member(id).disk.dataDir;
  }

  /**
   * A client that asks one node only, or one of all nodes that there are. It is closed with the cluster.
   * @throws RangeError
   */
  client(id?: string): TitanClient {
    const endpoints =
      id === undefined ? this.#members.map(({ grpcAddr }) => grpcAddr) : [this.endpoint(id)];
    const client = new TitanClient({ endpoints, discovery: id === undefined });
    this.#clients.push(client);
    return client;
  }

  /** Stops a node gracefully: it hands over what it leads and finishes its calls. */
  async stop(id: string): Promise<void> {
    const node = this.node(id);
    this.#member(id).running = undefined;
    await node.close();
  }

  /**
   * Ends a node without a clean end: nothing is handed over, calls under way are cut off, and from this moment its
   * disk takes nothing more. With `storage: "memory"` all that was written and not synced is lost, so an
   * acknowledged write that is there afterwards was really durable. It is no test of what a process does
   * while it is frozen or starved, nor of the operating system: the node's sockets are closed, which its peers
   * notice at once, as after `kill -9`.
   */
  async crash(id: string): Promise<void> {
    const node = this.node(id);
    const member = this.#member(id);
    member.running = undefined;
    member.disk.crash();
    await abandon(node);
  }

  /** Starts a node that was stopped or has crashed, as it was started before. @throws NodeError, RangeError */
  async start(id: string): Promise<void> {
    const member = this.#member(id);
    if (member.running !== undefined) throw new RangeError(`node ${id} runs already`);
    await this.#run(member);
  }

  /** Adds a node, which joins. @returns its id, once it serves */
  async add(): Promise<string> {
    const seeds = this.running.map((id) => this.endpoint(id));
    const member = await this.#addMember(seeds, await this.#unusedAddresses());
    await this.#run(member);
    return member.id;
  }

  /** Takes the disk of a node that does not run away, and gives it an empty one. @throws RangeError */
  async wipe(id: string): Promise<void> {
    const member = this.#member(id);
    if (member.running !== undefined) throw new RangeError(`node ${id} runs: stop it first`);
    await member.disk.wipe();
  }

  /** The number of the shard that a key belongs to. */
  shardOf(key: string | Uint8Array): number {
    const [first] = this.#parts();
    if (first === undefined) throw new RangeError("no node runs");
    const bytes = typeof key === "string" ? Buffer.from(key) : key;
    return new ShardTable({ map: first.cluster.map.current }).shardOf(bytes);
  }

  /** The id of the node that leads a shard, or the shard of a key; waits until there is one. */
  async leaderOf(shard: number | string | Uint8Array): Promise<string> {
    const number = typeof shard === "number" ? shard : this.shardOf(shard);
    await this.until(`shard ${number} has a leader`, () => leaderOf(this.#parts(), number));
    const leader = leaderOf(this.#parts(), number)?.front.self.id;
    // Between the two it may have gone.
    return leader ?? this.leaderOf(shard);
  }

  /** Waits until every shard has a leader which all its running replicas know. */
  led(): Promise<void> {
    return this.until("every shard has a leader", () => isLed(this.#parts()));
  }

  /** Waits until every running replica has applied what its leader has committed. */
  caughtUp(): Promise<void> {
    return this.until("every replica has caught up", () => isCaughtUp(this.#parts()));
  }

  /** Waits until nothing moves, every shard has all its replicas, and those that run have caught up. */
  settled(): Promise<void> {
    return this.until("the cluster has settled", () => isSettled(this.#parts()));
  }

  /**
   * Waits until `condition` gives something that is not `undefined`, `false`, `null`, 0 or "".
   * @throws Error that names `what` when that takes longer than `waitTimeoutMs`
   */
  async until(what: string, condition: () => unknown): Promise<void> {
    const { waitTimeoutMs = DEFAULT_WAIT_MS } = this.#options;
    const endMs = performance.now() + waitTimeoutMs;
    // eslint-disable-next-line typescript/strict-boolean-expressions -- any kind of yes
    while (!(await condition())) {
      if (performance.now() > endMs) {
        throw new Error(`waited ${waitTimeoutMs} ms in vain until ${what}`);
      }
      await pause(LOOK_MS);
    }
  }

  /** Ends clients and nodes, and removes what they kept. Idempotent. */
  async shutdown(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    const members = this.#members.splice(0);
    // Nothing of it is needed any more: there is no point in a graceful end.
    await Promise.all(members.map(async ({ running }) => running && abandon(running)));
    await Promise.all(members.map(({ disk }) => disk.remove()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #addMember(
    join: readonly string[] | undefined,
    [grpcAddr = "", raftAddr = ""]: readonly string[],
  ): Promise<Member> {
    const id = `n${this.#members.length + 1}`;
    const { storage = "memory" } = this.#options;
    const member: Member = {
      ...{ id, join, grpcAddr, raftAddr, running: undefined },
      disk: storage === "memory" ? memoryDisk() : await temporaryDisk(id),
    };
    this.#members.push(member);
    return member;
  }

  /** For one more node: not those of one that is stopped and comes back. */
  async #unusedAddresses(): Promise<readonly string[]> {
    const taken = new Set(this.#members.flatMap(({ grpcAddr, raftAddr }) => [grpcAddr, raftAddr]));
    for (;;) {
      const addresses = await freeAddresses(LOCAL, 2);
      if (addresses.every((address) => !taken.has(address))) return addresses;
    }
  }

  async #run(member: Member): Promise<void> {
    const { nodes: _nodes, storage: _storage, waitTimeoutMs: _wait, ...settings } = this.#options;
    const { id, grpcAddr, raftAddr, disk, join } = member;
    const founders = this.#members.filter((one) => one.join === undefined);
    const peers = founders.map((one) => ({
      ...{ id: one.id, grpcAddr: one.grpcAddr, raftAddr: one.raftAddr },
    }));
    const isAlone = peers.length === 1;
    const entry =
      join !== undefined ? { join: [...join] } : isAlone ? { bootstrap: true } : { peers };
    member.running = await startNode({
      ...{ shards: 4, shutdownTimeout: 2_000, ...settings, ...entry },
      ...{ nodeId: id, grpcAddr, raftAddr, dataDir: disk.dataDir, ports: disk.ports() },
    });
  }

  #member(id: string): Member {
    const member = this.#members.find((one) => one.id === id);
    if (member === undefined) throw new RangeError(`there is no node ${id}`);
    return member;
  }

  #parts(): readonly RunningNodeParts[] {
    return this.#members.flatMap(({ running }) => (running === undefined ? [] : partsOf(running)));
  }
}
