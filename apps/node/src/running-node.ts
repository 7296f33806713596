/** A node that serves, and how it ends. */
import type { GetStatusResponse } from "@titan/proto";
import type { Cluster } from "./cluster/cluster.js";
import type { Settings } from "./config/settings.js";
import type { Front } from "./front.js";
import type { Logger } from "./logger.js";
import type { NodeError } from "./node-error.js";
import type { Router } from "./routing/router.js";
import type { StoreFailure } from "./store-failure.js";

export interface RunningNodeParts {
  readonly settings: Settings;
  readonly logger: Logger;
  readonly cluster: Cluster;
  readonly front: Front;
  readonly failure: StoreFailure;
  readonly closeLog: () => Promise<void>;
}

/** Handing over takes a moment; who waits longer waits for nodes that are not there, or stop as well. */
const MAX_RESIGN_MS = 1_000;

/** What other nodes have asked is a matter of milliseconds, unless they hang. */
const MAX_DRAIN_MS = 1_000;

/** What a node is made of. */
export let partsOf: (node: RunningNode) => RunningNodeParts;
/** Drops a node as if its process had ended: says nothing to anybody and hands nothing over. Never rejects. */
export let abandon: (node: RunningNode) => Promise<void>;

export class RunningNode {
  /** For this package's own tools. */
  static {
    partsOf = (node) => node.#parts;
    abandon = (node) => (node.#closing ??= node.#abandon());
  }

  /** `HOST:PORT` where clients connect, with the actual port. */
  readonly address: string;
  /** `HOST:PORT` where other nodes connect, with the actual port. */
  readonly raftAddress: string;
  readonly nodeId: string;
  /**
   * Resolves when the disk has failed a write: the node then refuses every call and should be closed
   * and its process ended. Never rejects.
   */
  readonly storeFailed: Promise<NodeError>;
  /** Resolves when the node has left its cluster for good, and should be closed. Never rejects. */
  readonly left: Promise<"left">;
  readonly #parts: RunningNodeParts;
  #closing: Promise<void> | undefined;

  constructor(parts: RunningNodeParts) {
    const { front, failure } = parts;
    this.#parts = parts;
    this.address = front.server.address;
    this.raftAddress = front.raftPort.address;
    this.nodeId = front.self.id;
    this.storeFailed = failure.happened;
    this.left = front.left;
  }

  /** @internal The way to the shards for what runs in this process, below gRPC and its bounds. */
  get router(): Router {
    return this.#parts.front.router();
  }

  /** As ClusterService.GetStatus answers. */
  status(): Promise<GetStatusResponse> {
    return this.#parts.front.status();
  }

  /**
   * Says NOT_SERVING, hands its leaderships over while it still serves, takes no new calls, waits for those
   * under way up to the shutdown timeout, answers other nodes' calls, makes durable what is not, and closes.
   * Idempotent.
   * @throws what the log throws when it cannot be closed cleanly
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #abandon(): Promise<void> {
    const { cluster, front, closeLog } = this.#parts;
    front.stop();
    front.health.close();
    // What its disk refuses, or its peers, is what a crash is about.
    const ignore = (): undefined => undefined;
    await Promise.all([front.server.close(0).catch(ignore), cluster.close().catch(ignore)]);
    await closeLog().catch(ignore);
  }

  async #close(): Promise<void> {
    const { cluster, front, settings, logger, closeLog } = this.#parts;
    const { shutdownTimeout } = settings;
    logger.info({}, "stopping: calls under way may finish");
    front.health.set("not-serving");
    front.health.close();
    await cluster.resign(Math.min(MAX_RESIGN_MS, shutdownTimeout));
    front.stop();
    const isDrained = await front.server.close(shutdownTimeout);
    if (!isDrained) logger.warn({ timeoutMs: shutdownTimeout }, "calls were cut off");
    await cluster.drain(Math.min(MAX_DRAIN_MS, shutdownTimeout));
    try {
      await cluster.close();
    } finally {
      await closeLog();
    }
    logger.info({}, "stopped; all data is on disk");
  }
}
