/** The way from clients and peers to the shards. */
import type { KvServiceImplementation } from "@titan/proto";
import type { StorePorts } from "./bitcask-engine.js";
import type { ClusterFoundation } from "./cluster/open-cluster.js";
import type { Settings } from "./config/settings.js";
import type { KvLimits } from "./kv/limits.js";
import type { ClusterView } from "./routing/cluster-view.js";
import { Router } from "./routing/router.js";
import { servePeers } from "./routing/serve-peers.js";
import type { Calls } from "./services/calls.js";
import { createKvService } from "./services/routed-kv-service.js";

const KV_OPTIONS = { requestTimeoutMs: 10_000, watchFrameBytes: 262_144 };

/** Serves calls of peers on shards from now on. @returns the service for clients */
export function serveShards(
  { self, map, replicas, calls: peers }: ClusterFoundation,
  settings: Settings,
  { ports, calls }: { readonly ports: StorePorts; readonly calls: Calls },
): KvServiceImplementation {
  const view: ClusterView = {
    nodeNumber: self,
    get map() {
      return map.current;
    },
    replica: (shard) => replicas.replica(shard),
    peers,
  };
  servePeers(peers, view);
  const { clock, random } = ports;
  const router = new Router({ view, clock, random }, toKvLimits(settings));
  return createKvService(router, calls, KV_OPTIONS);
}

function toKvLimits(settings: Settings): KvLimits {
  return {
    keyBytes: settings.maxKeyBytes,
    valueBytes: settings.maxValueBytes,
    batchBytes: settings.maxBatchBytes,
    batchOperations: settings.maxBatchOperations,
    responseBytes: settings.maxResponseBytes,
    scanPageBytes: settings.scanPageBytes,
    scanPageKeys: settings.scanPageKeys,
  };
}
