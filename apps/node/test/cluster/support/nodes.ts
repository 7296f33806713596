/** Nodes in this process, each with a data directory of its own, on free ports. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { reservePort } from "../../../src/cluster/reserved-port.js";
import type { StaticPeer } from "../../../src/config/peer-list.js";
import type { RunningNode } from "../../../src/running-node.js";
import { type NodeOptions, startNode } from "../../../src/start-node.js";
import { withDirectory } from "../../support/test-node.js";

const ANY = "127.0.0.1:0";

export class TestNodes {
  readonly #directory: string;
  readonly #started = new Set<RunningNode>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where a node keeps its data: the same for the same id. */
  dataDir(id: string): string {
    return join(this.#directory, id);
  }

  /** Takes a node's disk away. */
  wipe(id: string): Promise<void> {
    return rm(this.dataDir(id), { recursive: true });
  }

  /** Entries of `--peers` for nodes of these ids. */
  async peers(ids: readonly string[]): Promise<readonly StaticPeer[]> {
    const ports = await Promise.all(ids.flatMap(() => [reservePort(ANY), reservePort(ANY)]));
    await Promise.all(ports.map((port) => port.release()));
    return ids.map((id, at) => ({
      id,
      grpcAddr: ports[2 * at]?.address ?? "",
      raftAddr: ports[2 * at + 1]?.address ?? "",
    }));
  }

  /** Starts a node that does not sync. */
  async start(options: NodeOptions): Promise<RunningNode> {
    const listed = asPeers(options.peers).find(({ id }) => id === options.nodeId);
    const node = await startNode({
      grpcAddr: listed?.grpcAddr ?? ANY,
      raftAddr: listed?.raftAddr ?? ANY,
      dataDir: this.dataDir(options.nodeId ?? "alone"),
      sync: "never",
      shutdownTimeout: "2s",
      ...options,
    });
    this.#started.add(node);
    return node;
  }

  startAll(peers: readonly StaticPeer[], options: NodeOptions = {}): Promise<RunningNode[]> {
    const list = [...peers];
    return Promise.all(peers.map(({ id }) => this.start({ ...options, nodeId: id, peers: list })));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#started].map((node) => node.close()));
  }
}

function asPeers(peers: NodeOptions["peers"]): readonly StaticPeer[] {
  return Array.isArray(peers) ? peers.filter((peer) => typeof peer !== "string") : [];
}

/** Runs `body`; whatever it started is closed, and what it kept removed. */
export function withNodes(body: (nodes: TestNodes) => Promise<void>): Promise<void> {
  return withDirectory(async (directory) => {
    const nodes = new TestNodes(directory);
    try {
      await body(nodes);
    } finally {
      await nodes.close();
    }
  });
}
