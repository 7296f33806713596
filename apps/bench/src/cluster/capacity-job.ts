/** What capacity-part.ts and its nodes say to each other. */
import type { Measurement } from "../closed-loop.js";

export interface CapacityNodeOptions {
  readonly nodeId: string;
  readonly dataDir: string;
  readonly grpcAddr: string;
  readonly raftAddr: string;
  readonly peers: string;
  readonly shards: number;
}

export interface CapacityJob {
  readonly kind: "put" | "get" | "batch";
  /** In this node. */
  readonly callers: number;
  readonly seconds: number;
  /** Operations of a batch. */
  readonly batch: number;
}

export interface CapacityAnswer {
  readonly type: "measured";
  readonly measurement: Measurement;
  /** CPU time of the node's process per second of the measurement, in seconds. */
  readonly cores: number;
}
