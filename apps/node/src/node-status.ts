/** What ClusterService.GetStatus answers. */
import type { GetStatusResponse } from "@titan/proto";
import type { Cluster } from "./cluster/cluster.js";
import type { Settings } from "./config/settings.js";
import type { Admission } from "./services/admission.js";
import { toClusterStatus } from "./services/cluster-codec.js";
import type { StorePorts } from "./store-ports.js";
import { VERSION } from "./version.js";

/** @param node `cluster` is undefined until the node belongs to one */
export function statusOf(node: {
  readonly nodeId: string;
  readonly settings: Settings;
  readonly admission: Admission;
  readonly ports: StorePorts;
  readonly cluster: () => Cluster | undefined;
}): () => Promise<GetStatusResponse> {
  const { nodeId, settings, admission, ports } = node;
  const startedMs = ports.clock.monotonicMs();
  return async () => {
    const cluster = node.cluster();
    const store = { keys: 0, liveBytes: 0, deadBytes: 0, dataFiles: 0 };
    for (const replica of cluster?.replicas.replicas() ?? []) {
      const { keys, liveBytes, deadBytes, dataFiles } = replica.status();
      store.keys += keys;
      store.liveBytes += liveBytes;
      store.deadBytes += deadBytes;
      store.dataFiles += dataFiles;
    }
    const diskFree = await ports.fileSystem.freeBytes(settings.dataDir);
    return {
      nodeId,
      version: VERSION,
      uptimeMs: Math.floor(ports.clock.monotonicMs() - startedMs),
      requestsInFlight: admission.requests,
      limits: {
        keyBytes: settings.maxKeyBytes,
        valueBytes: settings.maxValueBytes,
        batchBytes: settings.maxBatchBytes,
        batchOperations: settings.maxBatchOperations,
        concurrentRequests: settings.maxConcurrentRequests,
      },
      // A disk in memory has no end; the contract has.
      store: { ...store, diskFreeBytes: Math.min(diskFree, Number.MAX_SAFE_INTEGER) },
      cluster: cluster === undefined ? undefined : await clusterStatus(cluster),
    };
  };
}

async function clusterStatus(cluster: Cluster) {
  const { map, self, meta, reports, clusterClock } = cluster;
  const found = await reports.all();
  return toClusterStatus({
    map: map.current,
    self,
    leaderOf: (shard) => cluster.replicas.replica(shard)?.leader,
    metaLeader: meta.leader,
    reports: found,
    clockOffsetOf: (node) => clusterClock.offsetOf(node),
    clockCorrectionMs: clusterClock.correctionMs,
  });
}
