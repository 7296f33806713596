/** What a node shows to clients and to nodes that are not yet of its cluster: the gRPC server and what it serves. */
import { hostname } from "node:os";
import type { GetStatusResponse } from "@titan/proto";
import { SERVICE_NAMES } from "@titan/proto";
import type { Cluster } from "./cluster/cluster.js";
import { ClusterAdmin, serveTransfers } from "./cluster/cluster-admin.js";
import { digestOfPeers, Introduction, type Self } from "./cluster/introduction.js";
import type { NodeIdentity } from "./cluster/node-identity.js";
import type { ClusterFoundation } from "./cluster/open-cluster.js";
import { randomHex } from "./cluster/random-hex.js";
import { type ReservedPort, reservePort } from "./cluster/reserved-port.js";
import { advertisedAddress, raftListenAddress } from "./config/cluster-addresses.js";
import type { Settings } from "./config/settings.js";
import { type GrpcServer, listenGrpc } from "./grpc-server.js";
import { KvError } from "./kv/kv-error.js";
import type { Logger } from "./logger.js";
import { maxMessageBytes } from "./message-sizes.js";
import { statusOf } from "./node-status.js";
import type { Router } from "./routing/router.js";
import { type ServedShards, serveShards } from "./serve-shards.js";
import { Admission } from "./services/admission.js";
import { Calls } from "./services/calls.js";
import { createClusterService } from "./services/cluster-service.js";
import { HealthState } from "./services/health-service.js";
import { lateKvService, starting } from "./services/late-service.js";
import { createPipelineService } from "./services/pipeline-service.js";
import { RpcErrors } from "./services/rpc-error.js";
import type { StoreFailure } from "./store-failure.js";
import type { StorePorts } from "./store-ports.js";

export interface FrontDeps {
  readonly ports: StorePorts;
  readonly logger: Logger;
  readonly failure: StoreFailure;
  readonly identity: NodeIdentity;
}

/** Listens, though it serves nothing on keys before {@link Front.open}. */
export interface Front {
  readonly server: GrpcServer;
  /** Where to listen for other nodes. */
  readonly raftPort: ReservedPort;
  /** This node, as others should know it. */
  readonly self: Self;
  readonly health: HealthState;
  readonly status: () => Promise<GetStatusResponse>;
  /** Resolves when the node has left its cluster for good. */
  readonly left: Promise<"left">;
  leave(): void;
  /** The way to the shards for this process itself. @throws KvError `NOT_SERVING` before {@link Front.open} */
  router(): Router;
  /** Serves calls of peers from these parts, and clients once it is open. */
  serveParts(parts: ClusterFoundation): void;
  open(cluster: Cluster): void;
  /** Takes no new calls. */
  stop(): void;
}

const MAX_HEALTH_WATCHERS = 1024;
/** Calls of ClusterService, apart from those on keys, so that neither starves the other. */
const CLUSTER_LIMITS = { concurrentRequests: 1024, concurrentScans: 1, requestBytes: 16_777_216 };
const INCIDENT_DIGITS = 16;

/** @throws NodeError `NODE_ADDRESS` */
export async function openFront(settings: Settings, deps: FrontDeps): Promise<Front> {
  const { ports, logger, failure, identity } = deps;
  const health = new HealthState(SERVICE_NAMES, MAX_HEALTH_WATCHERS);
  const admission = new Admission({
    concurrentRequests: settings.maxConcurrentRequests,
    concurrentScans: settings.maxConcurrentScans,
    requestBytes: settings.maxRequestBytes,
  });
  const clusterAdmission = new Admission(CLUSTER_LIMITS);
  failure.guard(health, [admission, clusterAdmission]);
  const errors = new RpcErrors({
    logger,
    nextIncident: () => randomHex(ports.random, INCIDENT_DIGITS),
    // A disk of this node that fails says so itself; the word of another node says nothing of ours.
    onStoreFailed: () => undefined,
  });
  const calls = new Calls(admission, errors);

  let cluster: Cluster | undefined;
  let admin: ClusterAdmin | undefined;
  let introduction: Introduction | undefined;
  let shards: ServedShards | undefined;
  /** Clients are served once the node is part of a cluster. */
  const opened = (): ServedShards | undefined => (cluster === undefined ? undefined : shards);
  const stopping = new AbortController();
  const { nodeId } = identity;
  const status = statusOf({ nodeId, settings, admission, ports, cluster: () => cluster });
  const raftPort = await reservePort(raftListenAddress(settings));
  const server = await listenGrpc(
    settings.grpcAddr,
    {
      kv: lateKvService(() => opened()?.kv, calls),
      pipeline: createPipelineService(opened, calls, settings.requestTimeout),
      cluster: createClusterService(
        { status, introduction: () => there(introduction), admin: () => there(admin) },
        new Calls(clusterAdmission, errors),
      ),
      health,
    },
    {
      messageBytes: maxMessageBytes(settings),
      streamsPerConnection: settings.maxStreamsPerConnection,
    },
  ).catch(async (error: unknown) => {
    await raftPort.release();
    throw error;
  });
  const self = selfOf(settings, identity, { grpc: server.address, raft: raftPort.address });
  introduction = new Introduction(self, digestOfPeers(settings.peers), () => cluster?.map.current);
  let leave: () => void = () => undefined;
  const left = new Promise<"left">((resolve) => {
    leave = () => resolve("left");
  });
  return {
    ...{ server, raftPort, self, health, status, left, leave },
    router: () => there(shards).router,
    serveParts: (parts) => {
      serveTransfers(parts);
      shards = serveShards(parts, settings, { ports, calls });
    },
    open: (joined) => {
      cluster = joined;
      admin = new ClusterAdmin(joined, stopping.signal);
    },
    stop: () => {
      stopping.abort();
      const refusal = new KvError({ code: "NOT_SERVING", message: "the node is stopping" });
      admission.stop(refusal);
      clusterAdmission.stop(refusal);
    },
  };
}

/** @throws KvError `NOT_SERVING` */
function there<Part>(part: Part | undefined): Part {
  if (part === undefined) throw starting();
  return part;
}

function selfOf(
  settings: Settings,
  { nodeId, joinToken }: NodeIdentity,
  bound: { readonly grpc: string; readonly raft: string },
): Self {
  // What all founders were told about this one is where they look for it.
  const listed = settings.peers.find(({ id }) => id === nodeId);
  const given = {
    grpc: settings.advertiseGrpcAddr ?? listed?.grpcAddr,
    raft: settings.advertiseRaftAddr ?? listed?.raftAddr,
  };
  return {
    id: nodeId,
    joinToken,
    grpcAddr: advertisedAddress(bound.grpc, given.grpc, hostname()),
    raftAddr: advertisedAddress(bound.raft, given.raft, hostname()),
    zone: settings.zone,
    weight: settings.weight,
  };
}
