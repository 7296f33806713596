/** The cluster as the contract has it. */
import {
  type ClusterNode,
  type ClusterStatus,
  type GetClusterMapResponse,
  NodeState,
  type ReplicaStatus,
  type ShardStatus as WireShardStatus,
} from "@titan/proto";
import { type ClusterMap, holdersOf, type MapNode, type MapShard } from "../cluster/cluster-map.js";
import type { Self } from "../cluster/introduction.js";
import type { NodeReport } from "../cluster/node-report.js";
import {
  addressList,
  hostPort,
  nodeId as nodeIdType,
  number,
  zoneName,
} from "../config/value-types.js";
import { invalidField } from "../kv/kv-error.js";
import type { ShardStatus } from "../shard/shard-replica.js";

/** What this node knows of the cluster without asking anybody. */
export interface MapAndLeaders {
  readonly map: ClusterMap;
  /** @returns undefined when it is not known here */
  readonly leaderOf: (shard: number) => number | undefined;
}

/** The cluster, and what its nodes reported just now. */
export interface ClusterFindings extends MapAndLeaders {
  readonly self: number;
  readonly metaLeader: number | undefined;
  readonly reports: ReadonlyMap<number, NodeReport>;
  readonly clockOffsetOf: (node: number) => number | undefined;
  readonly clockCorrectionMs: number;
}

export function toMapResponse({ map, leaderOf }: MapAndLeaders): GetClusterMapResponse {
  const { clusterId, epoch } = map;
  return {
    ...{ clusterId, epoch },
    nodes: present(map).map(toNode),
    shards: map.shards.map(({ shard, start, replicas }) => ({
      ...{ shard, start, leader: leaderOf(shard) ?? 0 },
      replicas: replicas.map((nodeNumber) => ({ nodeNumber })),
    })),
    keyspaces: map.keyspaces
      .map(({ name, defaultTtlMs }) => ({ name, defaultTtlMs }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

export function toClusterStatus(findings: ClusterFindings): ClusterStatus {
  const { map, self, metaLeader, reports, clockOffsetOf, clockCorrectionMs } = findings;
  const { clusterId, epoch, isBalancerPaused, replicationFactor } = map;
  return {
    ...{ clusterId, epoch, replicationFactor, balancerPaused: isBalancerPaused },
    nodeNumber: self,
    metaLeader: metaLeader ?? 0,
    clockCorrectionMs: Math.round(clockCorrectionMs),
    balancer: [...reports.values()].find(({ balancer }) => balancer !== "")?.balancer ?? "",
    divergent: [...reports.values()].flatMap(({ divergent }) =>
      divergent.map(({ shard, node }) => ({ shard, nodeNumber: node })),
    ),
    nodes: present(map).map((node) => {
      const report = reports.get(node.number);
      return {
        node: toNode(node),
        reachable: report !== undefined,
        clockOffsetMs: Math.round(clockOffsetOf(node.number) ?? 0),
        leads: report?.shards.filter(({ role }) => role === "leader").length ?? 0,
        replicas: report?.shards.length ?? 0,
        version: report?.version ?? "",
      };
    }),
    shards: map.shards.map((shard) => toShard(shard, reports)),
  };
}

/**
 * A joining node, as it describes itself.
 * @throws KvError `FIELD_INVALID`
 */
export function fromClusterNode(node: ClusterNode | undefined, joinToken: string): Self {
  const { nodeId = "", grpcAddr = "", raftAddr = "", zone = "", weightPercent = 0 } = node ?? {};
  const weight = weightPercent / 100;
  const checks = [
    ["node.node_id", nodeIdType().safeParse(nodeId)],
    ["node.grpc_addr", addressList().safeParse([grpcAddr])],
    ["node.raft_addr", hostPort().safeParse(raftAddr)],
    ["node.zone", zoneName().safeParse(zone)],
    ["node.weight_percent", number(0.01, 1000).safeParse(weight)],
  ] as const;
  for (const [field, { error }] of checks) {
    if (error !== undefined) throw invalidField(field, error.issues[0]?.message ?? "not valid");
  }
  if (!/^[0-9a-f]{16,64}$/.test(joinToken)) {
    throw invalidField("join_token", "expected 16 to 64 hexadecimal digits");
  }
  return { id: nodeId, grpcAddr, raftAddr, zone, weight, joinToken };
}

const STATES = {
  active: NodeState.ACTIVE,
  draining: NodeState.DRAINING,
  left: NodeState.UNSPECIFIED,
} as const;

function toNode({ number, id, grpcAddr, raftAddr, zone, weight, state }: MapNode): ClusterNode {
  const weightPercent = Math.round(weight * 100);
  return { number, nodeId: id, grpcAddr, raftAddr, zone, weightPercent, state: STATES[state] };
}

function present({ nodes }: ClusterMap): readonly MapNode[] {
  return nodes.filter(({ state }) => state !== "left");
}

function toShard(place: MapShard, reports: ReadonlyMap<number, NodeReport>): WireShardStatus {
  const seen = [...reports].flatMap(([node, { shards }]) => {
    const status = shards.find(({ shard }) => shard === place.shard);
    return status === undefined ? [] : [{ node, status }];
  });
  const best = bestOf(seen.map(({ status }) => status));
  const isThere = (node: number): boolean => seen.some((one) => one.node === node);
  const voters = new Set(best === undefined ? place.replicas : votersOf(best));
  const members = new Set([...voters, ...(best?.learners ?? []), ...holdersOf(place)]);
  const applied = new Map(seen.map(({ node, status }) => [node, status.appliedIndex]));
  const replicas = [...members].map((nodeNumber): ReplicaStatus => {
    const behind = (best?.commitIndex ?? 0) - (applied.get(nodeNumber) ?? 0);
    const lag = best?.lag.get(nodeNumber) ?? Math.max(0, behind);
    return { nodeNumber, voter: voters.has(nodeNumber), lag, reachable: isThere(nodeNumber) };
  });
  return {
    shard: place.shard,
    leader: (best?.role === "leader" ? undefined : best?.leader) ?? leaderAmong(seen),
    term: best?.term ?? 0,
    commitIndex: best?.commitIndex ?? 0,
    keys: best?.keys ?? 0,
    liveBytes: best?.liveBytes ?? 0,
    replicas: replicas.sort(
      (a, b) => Number(b.voter) - Number(a.voter) || a.nodeNumber - b.nodeNumber,
    ),
    movingTo: place.move?.add ?? 0,
    movingFrom: place.move?.remove ?? 0,
  };
}

/** The leader of the latest term, or else who has most. */
function bestOf(statuses: readonly ShardStatus[]): ShardStatus | undefined {
  return statuses.toSorted(
    (a, b) =>
      Number(b.role === "leader") - Number(a.role === "leader") ||
      b.term - a.term ||
      b.commitIndex - a.commitIndex,
  )[0];
}

function votersOf({ voters, votersOutgoing }: ShardStatus): readonly number[] {
  return [...voters, ...votersOutgoing];
}

function leaderAmong(
  seen: readonly { readonly node: number; readonly status: ShardStatus }[],
): number {
  const leaders = seen.filter(({ status }) => status.role === "leader");
  return leaders.toSorted((a, b) => b.status.term - a.status.term)[0]?.node ?? 0;
}
