/** Nodes of Titan on this machine, with their defaults, and what a client that knows the leaders knows. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ClusterServiceDefinition, KvServiceDefinition } from "@titan/proto";
import { type ClusterNode, ProcessCluster, waitUntil } from "@titan/testkit";
import { type Channel, type Client, createChannel, createClient } from "nice-grpc";

const nodePackage = createRequire(import.meta.url).resolve("@titan/node/package.json");
const SCRIPT = join(dirname(nodePackage), "bin", "titan-node.js");

export type Kv = Client<typeof KvServiceDefinition>;
export type Administration = Client<typeof ClusterServiceDefinition>;

export interface TitanNode extends ClusterNode {
  readonly kv: Kv;
  readonly administration: Administration;
  /** CPU time of all its threads so far, in µs; resident memory, in bytes. */
  usage(): { readonly cpuMicros: number; readonly residentBytes: number };
}

/** Who leads what, at a moment. */
export interface Leaders {
  /** By shard. */
  readonly byShard: readonly TitanNode[];
}

export class TitanNodes {
  readonly cluster: ProcessCluster;
  readonly #channels: Channel[] = [];
  readonly #nodes: TitanNode[] = [];

  static async start(directory: string, args: readonly string[]): Promise<TitanNodes> {
    const cluster = await ProcessCluster.start({
      ...{ script: SCRIPT, directory, nodes: 3 },
      args: ["--log-level", "info", ...args],
    });
    const nodes = new TitanNodes(cluster);
    await nodes.untilLed();
    return nodes;
  }

  private constructor(cluster: ProcessCluster) {
    this.cluster = cluster;
    for (const node of cluster.nodes) this.#connect(node);
  }

  get nodes(): readonly TitanNode[] {
    return this.#nodes;
  }

  async join(): Promise<TitanNode> {
    const node = this.#connect(await this.cluster.join());
    // It keeps no replica yet, so it knows no leader.
    await this.cluster.listening();
    return node;
  }

  /** Resolves when all nodes serve and know the leader of every shard, and the leaders are as even as they get. */
  async untilLed(): Promise<Leaders> {
    await this.cluster.listening();
    return waitUntil(() => this.#leaders(), { what: "a leader of each shard", timeoutMs: 60_000 });
  }

  /** The end of what each node said. */
  get said(): string {
    const OUTPUT_TAIL = 3_000;
    return this.#nodes
      .map(({ id, process }) => `${id}:\n${process.output.slice(-OUTPUT_TAIL)}`)
      .join("\n");
  }

  async close(): Promise<void> {
    for (const channel of this.#channels) channel.close();
    await this.cluster.close();
  }

  async #leaders(): Promise<Leaders | undefined> {
    const maps = await Promise.all(
      this.#nodes.map(({ administration }) =>
        administration.getClusterMap(
          { knownEpoch: 0, waitMs: 0 },
          { signal: AbortSignal.timeout(2_000) },
        ),
      ),
    );
    const [first] = maps;
    if (first === undefined) return undefined;
    const idOf = new Map(first.nodes.map(({ number, nodeId }) => [number, nodeId]));
    const leaders = maps.map(({ shards }) => shards.map(({ leader }) => idOf.get(leader)));
    const [one = []] = leaders;
    const isKnown = one.every((id) => id !== undefined);
    const isAgreed = leaders.every((other) => other.every((id, shard) => id === one[shard]));
    const byShard = one.map((id) => this.#nodes.find((node) => node.id === id));
    const found = byShard.filter((node) => node !== undefined);
    return isKnown && isAgreed && found.length === one.length ? { byShard: found } : undefined;
  }

  #connect(node: ClusterNode): TitanNode {
    const channel = createChannel(node.address, undefined, { "grpc.use_local_subchannel_pool": 1 });
    this.#channels.push(channel);
    const connected = {
      ...node,
      kv: createClient(KvServiceDefinition, channel),
      administration: createClient(ClusterServiceDefinition, channel),
      usage: () => usageOf(node.process.pid),
    };
    this.#nodes.push(connected);
    return connected;
  }
}

/** User and system time are fields 14 and 15 of proc(5)'s stat, in ticks of 1/100 s; resident pages field 24. */
function usageOf(pid: number | undefined): { cpuMicros: number; residentBytes: number } {
  const stat = readFileSync(`/proc/${pid ?? "-"}/stat`, "latin1");
  // The second field, the name, may hold blanks; it ends with the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const cpuMicros = (Number(fields[11]) + Number(fields[12])) * 10_000;
  return { cpuMicros, residentBytes: Number(fields[21]) * 4096 };
}
