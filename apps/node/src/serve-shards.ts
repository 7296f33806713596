/** The way from clients and peers to the shards. */
import type { KvServiceImplementation } from "@titan/proto";
import type { ClusterFoundation } from "./cluster/open-cluster.js";
import type { Settings } from "./config/settings.js";
import type { KvLimits } from "./kv/limits.js";
import type { ClusterView } from "./routing/cluster-view.js";
import { Router } from "./routing/router.js";
import { servePeers } from "./routing/serve-peers.js";
import type { Calls } from "./services/calls.js";
import { createKvCalls, type KvCalls } from "./services/kv-calls.js";
import { createKvService } from "./services/kv-service.js";
import type { StorePorts } from "./store-ports.js";

export interface ServedShards {
  readonly kv: KvServiceImplementation;
  /** What `kv` and pipelines serve. */
  readonly kvCalls: KvCalls;
  readonly router: Router;
}

/** Serves peers at once, and clients by what it returns. To be called once, before the transport starts. */
export function serveShards(
  parts: ClusterFoundation,
  settings: Settings,
  { ports, calls }: { readonly ports: StorePorts; readonly calls: Calls },
): ServedShards {
  const { clock, random } = ports;
  const view: ClusterView = {
    nodeNumber: parts.self,
    get map() {
      return parts.map.current;
    },
    replica: (shard) => parts.replicas.replica(shard),
    peers: parts.calls,
  };
  servePeers(parts.calls, view);
  const router = new Router({ view, clock, random }, toKvLimits(settings));
  const clusterNowMs = (): number => parts.clusterClock.nowMs();
  const kvCalls = createKvCalls(router, clusterNowMs);
  const kv = createKvService({ router, kvCalls }, calls, {
    requestTimeoutMs: settings.requestTimeout,
    watchFrameBytes: settings.scanPageBytes,
    clusterNowMs,
  });
  return { kv, kvCalls, router };
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
