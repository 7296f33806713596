/**
 * Nodes of one cluster as processes of this machine. Knows the few flags of `titan-node` that tell nodes who and where
 * they are; all else is told by the caller.
 */
import { join } from "node:path";
import { ProxyNetwork } from "../proxy/proxy-network.js";
import { freeAddresses } from "./free-addresses.js";
import { ManagedProcess } from "./managed-process.js";

export interface ProcessClusterOptions {
  /** The program of a node. */
  readonly script: string;
  /** Holds one directory per node. */
  readonly directory: string;
  /** Nodes that found the cluster. */
  readonly nodes: number;
  /** Further flags of every node. */
  readonly args?: readonly string[];
  readonly nodeFlags?: readonly string[];
  /** Whether peers reach each other through proxies. @default false */
  readonly isProxied?: boolean;
}

/** A node, at its place in the list from 0. */
export interface ClusterNode {
  readonly id: string;
  /** Where clients connect. */
  readonly address: string;
  readonly process: ManagedProcess;
}

export class ProcessCluster {
  readonly #options: ProcessClusterOptions;
  readonly #nodes: ClusterNode[] = [];
  readonly #network: ProxyNetwork | undefined;

  /** Starts the founding nodes; they may not serve yet. */
  static async start(options: ProcessClusterOptions): Promise<ProcessCluster> {
    const grpc = await freeAddresses(options.nodes * 2);
    const raft = grpc.slice(options.nodes);
    const network = options.isProxied === true ? await ProxyNetwork.create(raft) : undefined;
    const cluster = new ProcessCluster(options, network);
    const places = Array.from({ length: options.nodes }, (_, place) => place);
    const advertised = places.map((place) => network?.addressOf(place) ?? raft[place]);
    const peers = places.map((place) => `${idOf(place)}@${grpc[place]}@${advertised[place]}`);
    for (const place of places) {
      const addresses = { grpc: grpc[place] ?? "", raft: raft[place] ?? "" };
      cluster.#add(addresses, advertised[place], ["--peers", peers.join(",")]);
    }
    for (const { process } of cluster.nodes) process.start();
    return cluster;
  }

  private constructor(options: ProcessClusterOptions, network: ProxyNetwork | undefined) {
    this.#options = options;
    this.#network = network;
  }

  get nodes(): readonly ClusterNode[] {
    return this.#nodes;
  }

  /** Between the nodes; only when they are proxied. */
  get network(): ProxyNetwork {
    if (this.#network === undefined) throw new Error("this cluster has no proxies");
    return this.#network;
  }

  /** Starts one more node, which joins the others. */
  async join(): Promise<ClusterNode> {
    const [grpc = "", raft = ""] = await freeAddresses(2);
    const place = await this.#network?.add(raft);
    const advertised = place === undefined ? raft : this.#network?.addressOf(place);
    const seeds = this.#nodes.map(({ address }) => address).join(",");
    const node = this.#add({ grpc, raft }, advertised, ["--join", seeds]);
    node.process.start();
    return node;
  }

  /** Resolves when all nodes that run serve. @throws Error with the output of one that ended instead */
  async listening(): Promise<void> {
    const running = this.#nodes.filter(({ process }) => process.isRunning);
    await Promise.all(running.map(({ process }) => process.listening()));
  }

  /** Ends all of it, by force. */
  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(({ process }) => process.kill()));
    await this.#network?.close();
  }

  #add(
    addresses: { readonly grpc: string; readonly raft: string },
    advertised: string | undefined,
    membership: readonly string[],
  ): ClusterNode {
    const { script, directory, args = [], nodeFlags = [] } = this.#options;
    const id = idOf(this.#nodes.length);
    const process = new ManagedProcess({
      ...{ name: id, script, nodeFlags },
      args: [
        ...["--node-id", id, "--data-dir", join(directory, id)],
        ...["--grpc-addr", addresses.grpc, "--raft-addr", addresses.raft],
        ...(advertised === undefined ? [] : ["--advertise-raft-addr", advertised]),
        ...membership,
        ...args,
      ],
    });
    const node = { id, address: addresses.grpc, process };
    this.#nodes.push(node);
    return node;
  }
}

function idOf(place: number): string {
  return `node${place + 1}`;
}
