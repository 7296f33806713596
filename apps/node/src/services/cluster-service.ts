/** ClusterService: what the node and its cluster are and how they are, and what administers them. */
import type {
  ClusterServiceImplementation,
  GetClusterMapResponse,
  GetStatusResponse,
} from "@titan/proto";
import type { ClusterAdmin } from "../cluster/cluster-admin.js";
import type { Introduction } from "../cluster/introduction.js";
import type { Calls } from "./calls.js";
import { fromClusterNode, toMapResponse } from "./cluster-codec.js";

export interface ClusterServiceDeps {
  readonly status: () => Promise<GetStatusResponse>;
  /** Who this node says it is. @throws KvError `NOT_SERVING` before it knows */
  readonly introduction: () => Introduction;
  /** @throws KvError `NOT_SERVING` as long as the node belongs to no cluster */
  readonly admin: () => ClusterAdmin;
}

const MAX_WAIT_MS = 60_000;
/** What such requests hold in memory is not worth counting. */
const weightless = (): number => 0;

export function createClusterService(
  { status, introduction, admin }: ClusterServiceDeps,
  calls: Calls,
): ClusterServiceImplementation {
  return {
    getStatus: calls.read(status),
    listKeyspaces: calls.read(() => {
      const { keyspaces } = toMapResponse(admin().view());
      return { keyspaces };
    }),
    createKeyspace: calls.write(weightless, async ({ keyspace }) => {
      await admin().createKeyspace(keyspace?.name ?? "", keyspace?.defaultTtlMs ?? 0);
      return {};
    }),
    dropKeyspace: calls.write(weightless, async ({ name }) => {
      await admin().dropKeyspace(name);
      return {};
    }),
    getClusterMap: calls.write(
      weightless,
      async ({ knownEpoch, waitMs }): Promise<GetClusterMapResponse> => {
        if (waitMs > 0) await admin().waitBeyond(knownEpoch, Math.min(waitMs, MAX_WAIT_MS));
        return toMapResponse(admin().view());
      },
    ),
    leave: calls.write(weightless, async ({ nodeId, cancel }) => ({
      replicas: await admin().leave(nodeId, cancel),
    })),
    setBalancer: calls.write(weightless, async ({ paused }) => {
      await admin().pauseBalancer(paused);
      return {};
    }),
    transferLeader: calls.write(weightless, async ({ shard, nodeId }) => {
      await admin().transferLeader(shard, nodeId);
      return {};
    }),
    hello: calls.read((request) => introduction().answer(request)),
    join: calls.write(weightless, ({ joinToken, node, clusterId }) =>
      admin().join(fromClusterNode(node, joinToken), clusterId),
    ),
  };
}
