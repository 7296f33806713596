/** What routing sees of the cluster. */
import type { ClusterMap } from "../cluster/cluster-map.js";
import type { PeerCalls } from "../peer/peer-calls.js";
import type { ShardReplica } from "../shard/shard-replica.js";

export interface ClusterView {
  /** Of this node. */
  readonly nodeNumber: number;
  /** The newest map that this node knows. */
  readonly map: ClusterMap;
  /** The replica of a shard on this node, if it has one that runs. */
  replica(shard: number): ShardReplica | undefined;
  readonly peers: Pick<PeerCalls, "call" | "isReachable">;
}

/** Time for deadlines and pauses. */
export interface RoutingClock {
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
  /** Calls back once, after `delayMs` or more; the result cancels that. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** Uniform integers in [0, bound), 1 <= bound <= 2^32. */
export interface RoutingRandom {
  nextInt(bound: number): number;
}
