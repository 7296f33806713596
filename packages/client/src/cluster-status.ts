/** A cluster as one of its nodes sees it: what `status()` gives, from the contract's message. */
import {
  type NodeStatus as NodeMessage,
  NodeState,
  type ShardStatus as ShardMessage,
  type ClusterStatus as StatusMessage,
} from "@titan/proto";

/** A cluster, as one of its nodes sees it. Nodes go by their ids, as people know them. */
export interface ClusterStatus {
  /** Drawn when the cluster was founded. */
  readonly clusterId: string;
  /** Of the cluster map; grows with every change of it. */
  readonly epoch: number;
  /** Replicas that each shard should have. */
  readonly replicationFactor: number;
  /** The node that leads the group which keeps the map; `undefined` when none is known. */
  readonly metaLeader: string | undefined;
  readonly balancer: {
    readonly paused: boolean;
    /** What it does or waits for, for people; empty when the node in charge did not answer. */
    readonly activity: string;
  };
  /** How far the cluster's time is ahead of the answering node's clock. */
  readonly clockCorrectionMs: number;
  /** All nodes that have not left, in the order of joining. */
  readonly nodes: readonly ClusterNodeStatus[];
  /** All shards, by number. */
  readonly shards: readonly ShardStatus[];
  /** Replicas that hold other data than the majority of their shard and were not replaced since. None is as it should be. */
  readonly divergent: readonly { readonly shard: number; readonly nodeId: string }[];
}

export interface ClusterNodeStatus {
  readonly nodeId: string;
  /** `host:port` for clients. */
  readonly grpcAddr: string;
  /** `host:port` for other nodes. */
  readonly raftAddr: string;
  /** What it fails together with; empty when it is a zone by itself. */
  readonly zone: string;
  /** Its share of the data, compared with the others'. */
  readonly weight: number;
  /** `"draining"`: it is being emptied, to leave. */
  readonly state: "active" | "draining";
  /** Whether the answering node had an answer from it just now. */
  readonly reachable: boolean;
  /** How far its clock is ahead of the answering node's. */
  readonly clockOffsetMs: number;
  /** Shards that it leads. */
  readonly leads: number;
  /** Its replicas, as far as they run. */
  readonly replicas: number;
  /** Empty when it did not answer. */
  readonly version: string;
}

/** A shard, as its leader sees it, or else the replica that knows most. */
export interface ShardStatus {
  readonly shard: number;
  /** The node that leads it; `undefined` when none is known. */
  readonly leader: string | undefined;
  readonly term: number;
  /** Writes up to this revision are committed. */
  readonly commitIndex: number;
  /** Keys with a value, of all keyspaces. */
  readonly keys: number;
  /** Bytes of records that are still needed. */
  readonly liveBytes: number;
  /** Voters first. */
  readonly replicas: readonly {
    readonly nodeId: string;
    /** Whether its vote counts; if not it is being brought up to date. */
    readonly voter: boolean;
    /** Log entries that it is behind the leader. */
    readonly lag: number;
    readonly reachable: boolean;
  }[];
  /** The replica that moves at present; `undefined` when none does. */
  readonly move: { readonly from: string | undefined; readonly to: string | undefined } | undefined;
}

/** Names a node of which only the number is known. */
function nameless(number: number): string {
  return `#${number}`;
}

export function clusterStatus(message: StatusMessage): ClusterStatus {
  const names = new Map(message.nodes.map(({ node }) => [node?.number, node?.nodeId]));
  const nameOf = (number: number): string => names.get(number) ?? nameless(number);
  const someOf = (number: number): string | undefined =>
    number === 0 ? undefined : nameOf(number);
  return {
    clusterId: message.clusterId,
    epoch: message.epoch,
    replicationFactor: message.replicationFactor,
    metaLeader: someOf(message.metaLeader),
    balancer: { paused: message.balancerPaused, activity: message.balancer },
    clockCorrectionMs: message.clockCorrectionMs,
    nodes: message.nodes.map(nodeOf),
    shards: message.shards.map((shard) => shardOf(shard, nameOf, someOf)),
    divergent: message.divergent.map(({ shard, nodeNumber }) => ({
      shard,
      nodeId: nameOf(nodeNumber),
    })),
  };
}

function nodeOf({ node, ...seen }: NodeMessage): ClusterNodeStatus {
  return {
    nodeId: node?.nodeId ?? "",
    grpcAddr: node?.grpcAddr ?? "",
    raftAddr: node?.raftAddr ?? "",
    zone: node?.zone ?? "",
    weight: (node?.weightPercent ?? 0) / 100,
    state: node?.state === NodeState.DRAINING ? "draining" : "active",
    ...seen,
  };
}

function shardOf(
  { replicas, leader, movingTo, movingFrom, ...counts }: ShardMessage,
  nameOf: (number: number) => string,
  someOf: (number: number) => string | undefined,
): ShardStatus {
  const isMoving = movingTo !== 0 || movingFrom !== 0;
  return {
    ...counts,
    leader: someOf(leader),
    replicas: replicas.map(({ nodeNumber, ...seen }) => ({ nodeId: nameOf(nodeNumber), ...seen })),
    move: isMoving ? { from: someOf(movingFrom), to: someOf(movingTo) } : undefined,
  };
}
