/** Maps of clusters whose nodes are reached at `n1:7420`, `n2:7420` and so on. */
import { type GetClusterMapResponse, NodeState } from "@titan/proto";

/** @param leaders numbers of nodes, by shard; the shards are of the same size */
export function clusterMap({
  leaders,
  nodes = [1, 2, 3],
  epoch = 1,
  clusterId = "c",
}: {
  readonly leaders: readonly number[];
  readonly nodes?: readonly number[];
  readonly epoch?: number;
  readonly clusterId?: string;
}): GetClusterMapResponse {
  const size = 2n ** 64n / BigInt(leaders.length);
  return {
    ...{ clusterId, epoch, keyspaces: [] },
    nodes: nodes.map((number) => ({
      ...{ number, nodeId: `n${number}`, grpcAddr: `n${number}:7420`, raftAddr: `n${number}:7421` },
      ...{ zone: "", weightPercent: 100, state: NodeState.ACTIVE },
    })),
    shards: leaders.map((leader, shard) => ({
      ...{ shard, leader, start: (size * BigInt(shard)).toString(16).padStart(16, "0") },
      replicas: [],
    })),
  };
}
