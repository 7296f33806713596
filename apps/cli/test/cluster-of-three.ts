/** A cluster of three nodes that is well, as a node of it answers; tests break what they are about. */
import type { ClusterNodeStatus, ClusterStatus, NodeStatus, ShardStatus } from "@titan/client";
import type { StatusAnswer } from "../src/server-report.js";

const NODE_IDS = ["n1", "n2", "n3"] as const;

function node(nodeId: string): ClusterNodeStatus {
  return {
    ...{ nodeId, grpcAddr: `${nodeId}:7420`, raftAddr: `${nodeId}:7421`, zone: "", weight: 1 },
    ...{ state: "active", reachable: true, clockOffsetMs: 0, leads: 2, replicas: 6 },
    version: "1.2.3",
  };
}

function shard(number: number): ShardStatus {
  const replicas = NODE_IDS.map((nodeId) => ({ nodeId, voter: true, lag: 0, reachable: true }));
  return {
    ...{ shard: number, leader: NODE_IDS[number % 3], term: 3, commitIndex: 40, keys: 5 },
    ...{ liveBytes: 500, replicas, move: undefined },
  };
}

export const THREE: ClusterStatus = {
  ...{ clusterId: "c1", epoch: 12, replicationFactor: 3, metaLeader: "n1", clockCorrectionMs: 0 },
  balancer: { paused: false, activity: "everything is in its place" },
  nodes: NODE_IDS.map(node),
  shards: [0, 1, 2, 3, 4, 5].map(shard),
  divergent: [],
};

/** What `nodeId` answers. */
export function answerOf(
  nodeId: string,
  cluster: ClusterStatus | undefined = THREE,
  own: Partial<NodeStatus> = {},
): Extract<StatusAnswer, { kind: "status" }> {
  const limits = { keyBytes: 1, valueBytes: 1, batchBytes: 1, batchOperations: 1 };
  const store = { keys: 5, liveBytes: 500, deadBytes: 0, dataFiles: 1 };
  return {
    kind: "status",
    status: {
      ...{ endpoint: `${nodeId}:7420`, nodeId, version: "1.2.3", uptimeMs: 61_000, cluster },
      ...{ requestsInFlight: 0, limits: { ...limits, concurrentRequests: 100 } },
      store: { ...store, diskFreeBytes: 50 * 1024 ** 3 },
      ...own,
    },
  };
}

export function noAnswerOf(endpoint: string): Extract<StatusAnswer, { kind: "no-status" }> {
  return {
    ...{ kind: "no-status", endpoint },
    failure: {
      ...{ code: "CLIENT_UNAVAILABLE", message: "connection refused", advice: "Is it running?" },
      ...{ outcome: "not-applied", reason: undefined, exitCode: 4 },
    },
  };
}

/** With some fields of some nodes changed. */
export function withNodes(
  changes: Readonly<Record<string, Partial<ClusterNodeStatus>>>,
  cluster: ClusterStatus = THREE,
): ClusterStatus {
  return { ...cluster, nodes: cluster.nodes.map((one) => ({ ...one, ...changes[one.nodeId] })) };
}

/** With all replicas of some nodes changed. */
export function withReplicas(
  changes: Readonly<Record<string, Partial<ShardStatus["replicas"][number]>>>,
  cluster: ClusterStatus = THREE,
): ClusterStatus {
  const shards = cluster.shards.map((shard) => ({
    ...shard,
    replicas: shard.replicas.map((one) => ({ ...one, ...changes[one.nodeId] })),
  }));
  return { ...cluster, shards };
}
