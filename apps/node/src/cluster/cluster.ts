/** A node's part in its cluster, open. */
import type { RaftHost } from "@titan/raft";
import type { Logger } from "../logger.js";
import type { PeerNetwork } from "../peer/peer-network.js";
import type { ClusterClock } from "./cluster-clock.js";
import type { MapView } from "./map-source.js";
import type { MetaGroup } from "./meta-group.js";
import type { NodeReports } from "./node-reports.js";
import type { ReplicaKeeper } from "./replica-keeper.js";

export interface ClusterParts {
  /** Number of this node. */
  readonly self: number;
  readonly map: MapView;
  /** Changes of the map. */
  readonly meta: MetaGroup;
  /** The replicas that this node keeps. */
  readonly replicas: ReplicaKeeper;
  /** How the nodes are. */
  readonly reports: NodeReports;
  readonly clusterClock: ClusterClock;
  readonly calls: PeerNetwork;
  readonly host: RaftHost;
}

/** Works by itself until it is stopped. */
export interface Stoppable {
  stop(): void | Promise<void>;
}

export class Cluster implements ClusterParts {
  readonly self: number;
  readonly map: MapView;
  readonly meta: MetaGroup;
  readonly replicas: ReplicaKeeper;
  readonly reports: NodeReports;
  readonly clusterClock: ClusterClock;
  readonly calls: PeerNetwork;
  readonly host: RaftHost;
  readonly #workers: readonly Stoppable[];
  readonly #logger: Logger;
  #closing: Promise<void> | undefined;

  constructor(parts: ClusterParts, workers: readonly Stoppable[], logger: Logger) {
    this.self = parts.self;
    this.map = parts.map;
    this.meta = parts.meta;
    this.replicas = parts.replicas;
    this.reports = parts.reports;
    this.clusterClock = parts.clusterClock;
    this.calls = parts.calls;
    this.host = parts.host;
    this.#workers = workers;
    this.#logger = logger;
  }

  /** Hands over all leaderships, so that nobody waits for an election. */
  async resign(timeoutMs: number): Promise<void> {
    // Alone there is nobody to hand over to.
    if (this.map.current.nodes.filter(({ state }) => state !== "left").length < 2) return;
    const hasHandedOver = await this.host.resign(timeoutMs);
    if (!hasHandedOver) this.#logger.warn({ timeoutMs }, "not all leaderships were handed over");
  }

  /** Answers what other nodes have asked, and has them ask no more, so that none of their calls is cut off. */
  async drain(timeoutMs: number): Promise<void> {
    const isDrained = await this.calls.drain(timeoutMs);
    if (!isDrained) this.#logger.warn({ timeoutMs }, "calls of other nodes were cut off");
  }

  /** Ends the work, closes replicas and host. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // What they wait for may never come any more; the host's end is an answer, too.
    const stopped = Promise.all(this.#workers.map(async (worker) => worker.stop()));
    await this.replicas.close();
    await this.host.close();
    await stopped;
  }
}
