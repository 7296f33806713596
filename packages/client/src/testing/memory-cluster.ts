/** The cluster as a single node sees it, and what it says to orders that need another one. */
import {
  type ClusterStatus,
  type GetClusterMapResponse,
  type GetStatusResponse,
  type LeaveRequest,
  type LeaveResponse,
  NodeState,
  type SetBalancerRequest,
  type SetBalancerResponse,
  type TransferLeaderRequest,
  type TransferLeaderResponse,
} from "@titan/proto";
import type { MemoryState } from "./memory-writes.js";
import { invalidField, Refusal } from "./refusal.js";

const NODE_ID = "test-server";
const NODE_NUMBER = 1;
const CONCURRENT_REQUESTS = 4096;

export class MemoryCluster {
  private isBalancerPaused = false;
  private readonly startedMs: number;

  constructor(
    private readonly state: MemoryState,
    /** `host:port` for clients. */
    private readonly address: string,
  ) {
    this.startedMs = state.store.nowMs();
  }

  status(): GetStatusResponse {
    const { store, limits } = this.state;
    return {
      nodeId: NODE_ID,
      version: "0.0.0",
      uptimeMs: store.nowMs() - this.startedMs,
      requestsInFlight: 1,
      limits: {
        keyBytes: limits.maxKeyBytes,
        valueBytes: limits.maxValueBytes,
        batchBytes: limits.maxBatchBytes,
        batchOperations: limits.maxBatchOperations,
        concurrentRequests: CONCURRENT_REQUESTS,
      },
      store: {
        ...sum([...this.countsByShard().values()]),
        ...{ deadBytes: 0, dataFiles: 0, diskFreeBytes: Number.MAX_SAFE_INTEGER },
      },
      cluster: this.clusterStatus(),
    };
  }

  map(): GetClusterMapResponse {
    const { shards } = this.state.store;
    const { clusterId, epoch, nodes } = this.clusterStatus();
    const size = 2n ** 64n / BigInt(shards.length);
    return {
      ...{ clusterId, epoch, keyspaces: [] },
      nodes: nodes.flatMap(({ node }) => (node === undefined ? [] : [node])),
      shards: shards.map(({ number: shard }) => ({
        ...{ shard, leader: NODE_NUMBER, replicas: [{ nodeNumber: NODE_NUMBER }] },
        start: (size * BigInt(shard)).toString(16).padStart(16, "0"),
      })),
    };
  }

  /** @throws Refusal `NODE_UNKNOWN`, `CLUSTER_STATE`: it is the last node */
  leave({ nodeId, cancel }: LeaveRequest): LeaveResponse {
    this.requireNode(nodeId);
    if (cancel) return { replicas: this.state.store.shards.length };
    const message = `node ${NODE_ID} is the last active node: add another one first`;
    throw new Refusal("CLUSTER_STATE", message);
  }

  /** @throws Refusal `NODE_UNKNOWN`, `FIELD_INVALID` */
  transferLeader({ shard, nodeId }: TransferLeaderRequest): TransferLeaderResponse {
    this.requireNode(nodeId);
    const { length } = this.state.store.shards;
    if (shard < length) return {};
    throw invalidField("shard", `there are shards 0 to ${length - 1}`);
  }

  setBalancer({ paused }: SetBalancerRequest): SetBalancerResponse {
    this.isBalancerPaused = paused;
    return {};
  }

  private requireNode(nodeId: string): void {
    if (nodeId === "" || nodeId === NODE_ID) return;
    const message = `there is no node ${JSON.stringify(nodeId)}`;
    throw new Refusal("NODE_UNKNOWN", message, { node_id: nodeId });
  }

  private clusterStatus(): ClusterStatus {
    const counts = this.countsByShard();
    const shards = this.state.store.shards.map(({ number: shard, revision }) => ({
      ...{ shard, leader: NODE_NUMBER, term: 1, commitIndex: revision },
      ...(counts.get(shard) ?? NOTHING),
      replicas: [{ nodeNumber: NODE_NUMBER, voter: true, lag: 0, reachable: true }],
      ...{ movingTo: 0, movingFrom: 0 },
    }));
    const node = {
      ...{ number: NODE_NUMBER, nodeId: NODE_ID, grpcAddr: this.address, raftAddr: "" },
      ...{ zone: "", weightPercent: 100, state: NodeState.ACTIVE },
    };
    const seen = { reachable: true, clockOffsetMs: 0, version: "0.0.0" };
    return {
      ...{ clusterId: "test", epoch: 1, replicationFactor: 1, balancer: "", divergent: [] },
      ...{ nodeNumber: NODE_NUMBER, metaLeader: NODE_NUMBER, clockCorrectionMs: 0 },
      balancerPaused: this.isBalancerPaused,
      nodes: [{ node, ...seen, leads: shards.length, replicas: shards.length }],
      shards,
    };
  }

  private countsByShard(): Map<number, Counts> {
    const { store, keyspaces } = this.state;
    const counts = new Map<number, Counts>();
    const entries = keyspaces.list().flatMap(({ number }) => store.table(number).all());
    for (const { shard, key, value } of entries) {
      const one = { keys: 1, liveBytes: key.length + value.length };
      counts.set(shard, sum([counts.get(shard) ?? NOTHING, one]));
    }
    return counts;
  }
}

interface Counts {
  readonly keys: number;
  readonly liveBytes: number;
}

const NOTHING: Counts = { keys: 0, liveBytes: 0 };

function sum(counts: readonly Counts[]): Counts {
  return {
    keys: counts.reduce((all, { keys }) => all + keys, 0),
    liveBytes: counts.reduce((all, { liveBytes }) => all + liveBytes, 0),
  };
}
