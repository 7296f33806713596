/**
 * Opens what makes a node part of its cluster: the Raft host over the shared log and the transport, the meta group
 * with the map, and the replicas that the map gives the node.
 */

import { type GroupLogs, nodeHostPorts, RaftHost, type RaftHostOptions } from "@titan/raft";
import { isRaftTransportError, TcpTransport, type Transport } from "@titan/raft/transport";
import { BALANCER_DEFAULTS, type Balancer } from "../balancer/balancer.js";
import { clusterBalancer, describeBalancer } from "../balancer/cluster-balancer.js";
import { serveReplicaChanges } from "../balancer/replica-change.js";
import { Auditor, serveChecksums } from "../integrity/auditor.js";
import { KvError } from "../kv/kv-error.js";
import type { Logger } from "../logger.js";
import { PeerNetwork } from "../peer/peer-network.js";
import { type OpenShardReplica, openShardReplica } from "../shard/open-shard-replica.js";
import type { ShardOptions } from "../shard/shard-options.js";
import type { StorePorts } from "../store-ports.js";
import { VERSION } from "../version.js";
import { AddressKeeper } from "./address-keeper.js";
import { Cluster } from "./cluster.js";
import { ClusterClock } from "./cluster-clock.js";
import type { ClusterDialer } from "./cluster-dialer.js";
import { type ClusterMap, groupOfShard, META_GROUP, nodeOf } from "./cluster-map.js";
import { DroppedKeyspaces } from "./dropped-keyspaces.js";
import { leadWhenPreferred } from "./first-leader.js";
import type { Self } from "./introduction.js";
import { fetchNewerMap } from "./map-by-grpc.js";
import { MapSource } from "./map-source.js";
import { MetaGroup } from "./meta-group.js";
import { MetaKeeper } from "./meta-keeper.js";
import { MetaMachine } from "./meta-machine.js";
import { metaFounders } from "./meta-members.js";
import type { Membership, NodeDirectory } from "./node-identity.js";
import { NodeReports } from "./node-reports.js";
import { PeerAddresses } from "./peer-addresses.js";
import { hostObserver, transportObserver } from "./raft-observers.js";
import { ReplicaKeeper } from "./replica-keeper.js";
import { cannotListen, type ReservedPort } from "./reserved-port.js";

export interface OpenClusterInit {
  readonly self: Self;
  readonly member: Membership;
  /** The newest map that is known. */
  readonly map: ClusterMap;
  readonly directory: NodeDirectory;
  /** Of all groups; stays the caller's. */
  readonly log: GroupLogs;
  /** Where to listen for other nodes. */
  readonly listen: ReservedPort;
  /** Largest command, encoded. */
  readonly maxEntryBytes: number;
  readonly host?: RaftHostOptions;
  readonly shard?: ShardOptions;
  /** Milliseconds after which a node that does not answer is replaced. 0: never. */
  readonly replaceAfterMs: number;
  /** Milliseconds between two audits of shards that this node leads. 0: never. */
  readonly auditEveryMs: number;
  /** Milliseconds that a call of a client may take at most. */
  readonly longestCallMs: number;
}

/** What is there before the host starts. */
export type ClusterFoundation = Pick<
  Cluster,
  "calls" | "replicas" | "map" | "self" | "clusterClock"
>;

export interface OpenClusterDeps {
  readonly ports: StorePorts;
  readonly logger: Logger;
  readonly dialer: ClusterDialer;
  /** @default over TCP */
  readonly transport?: (nodeNumber: number) => Transport;
  /** To serve calls of peers beside those of the cluster itself; called before the first can come. */
  readonly onParts?: (parts: ClusterFoundation) => void;
  /** The log failed: all groups have stopped. */
  readonly onLogFailed: (error: unknown) => void;
  /** A group has stopped on this node. */
  readonly onGroupFailed: (error: unknown) => void;
  /** The node has left the cluster for good. */
  readonly onLeft: () => void;
}

const MIB = 1024 * 1024;
const LEAST_FRAME_BYTES = 32 * MIB;
/** What a frame may hold beside the largest entry. */
const FRAME_ROOM_BYTES = MIB;

/** What comes into being one after the other, while others hold on to it already. */
interface Late {
  host: RaftHost | undefined;
  meta: MetaGroup | undefined;
  balancer: Balancer | undefined;
  auditor: Auditor | undefined;
}

type Foundation = ReturnType<typeof layFoundation>;

/** @throws NodeError `NODE_ADDRESS`; what the transport, the log and the store throw */
export async function openCluster(init: OpenClusterInit, deps: OpenClusterDeps): Promise<Cluster> {
  const late: Late = {
    ...{ host: undefined, meta: undefined, balancer: undefined, auditor: undefined },
  };
  const foundation = layFoundation(init, deps, late);
  const { network, replicas, map, self } = foundation;
  network.serve("meta", (_from, body, limits) => started(late.meta).serve(body, limits));
  serveReplicaChanges(network, replicas);
  serveChecksums(network, replicas);
  deps.onParts?.({ calls: network, replicas, map, self, clusterClock: foundation.clusterClock });
  // The host starts last, as calls come in from then on.
  const host = await startHost(init, deps, network);
  late.host = host;
  try {
    return await startWork(init, deps, foundation, host, late);
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** All that needs no host yet. */
function layFoundation(init: OpenClusterInit, deps: OpenClusterDeps, late: Late) {
  const { ports, logger } = deps;
  const { clock, random } = ports;
  const self = init.member.number;
  const map = new MapSource(init.map);
  const network = new PeerNetwork({
    ...{ nodeNumber: self, clock, random, logger },
    transport: deps.transport?.(self) ?? tcpTransport(init, deps),
  });
  const addresses = new PeerAddresses(self, network.transport, logger);
  addresses.take(map.current);
  map.onChange((next) => addresses.take(next));
  const clusterClock = new ClusterClock(clock, logger);
  const replicas: ReplicaKeeper = new ReplicaKeeper({
    ...{ self, map, clock, random, logger },
    open: (shard, founders) =>
      openShardReplica(started(late.host), {
        ...{ shard, ports, ...(founders && { founders }) },
        directory: ports.fileSystem.join(init.directory.shardsPath, String(shard)),
        clusterNowMs: () => clusterClock.nowMs(),
        droppedKeyspaces: () => map.current.droppedKeyspaces,
        group: { maxEntryBytes: init.maxEntryBytes },
        ...(init.shard && { options: init.shard }),
        onStalled: (error) => logger.error({ error, shard }, "a full disk holds up a replica"),
      }),
    isExpelled: (shard) => isExpelled(reports, map.current, shard, self),
    onOpened: (replica) => leadWhenPreferred(replica, { self, map, calls: network, clock }),
  });
  const reports: NodeReports = new NodeReports({
    ...{ self, version: VERSION, calls: network, map, clock, clusterClock },
    shards: () => replicas.replicas().map((replica) => replica.status()),
    findings: () => ({
      balancer: late.balancer === undefined ? "" : describeBalancer(late.balancer.status()),
      divergent: late.auditor?.divergent ?? [],
      fullKeyspaces: map.current.droppedKeyspaces.filter((keyspace) =>
        replicas.replicas().some((replica) => replica.isLeader && mayHold(replica, keyspace)),
      ),
    }),
    onLeft: deps.onLeft,
    onSilence: async (signal) => {
      const asking = { self: init.self, number: self, dialer: deps.dialer, logger };
      const newer = await fetchNewerMap(map.current, asking, signal);
      if (newer !== undefined && !signal.aborted) map.offer(newer);
    },
  });
  return { self, map, network, clusterClock, replicas, reports };
}

async function startHost(
  { member, log, directory, listen, host }: OpenClusterInit,
  deps: OpenClusterDeps,
  { transport }: PeerNetwork,
): Promise<RaftHost> {
  const { fileSystem } = deps.ports;
  await listen.release();
  try {
    return await RaftHost.start(
      {
        ...{ nodeId: member.number, log, transport, ports: nodeHostPorts() },
        freeBytes: () => fileSystem.freeBytes(directory.path),
        snapshots: { fileSystem, directory: directory.snapshotPath },
      },
      { ...host, observer: hostObserver(deps.logger, deps) },
    );
  } catch (error) {
    await transport.close();
    const isTaken = isRaftTransportError(error) && error.code === "RAFT_TRANSPORT_LISTEN_FAILED";
    throw isTaken ? cannotListen(listen.address, error.cause ?? error) : error;
  }
}

/** Opens the meta group, and starts all that works by itself. */
async function startWork(
  init: OpenClusterInit,
  deps: OpenClusterDeps,
  { self, map, network, clusterClock, replicas, reports }: Foundation,
  host: RaftHost,
  late: Late,
): Promise<Cluster> {
  const { directory, log, member } = init;
  const { ports, logger } = deps;
  const { clock, random } = ports;
  const machine = new MetaMachine((next) => map.offer(next));
  const group = await host.openGroup({
    group: META_GROUP,
    stateMachine: machine,
    // With a later map there is a group already, which knows this node as a member or soon will.
    ...(init.map.epoch === 1 && { founders: metaFounders(init.map) }),
    options: { compaction: { everyEntries: 10_000, keepEntries: 1_000 } },
  });
  const meta = new MetaGroup({ group, machine, map, calls: network, self, clock, random });
  late.meta = meta;
  // Alone there is nobody to wait for.
  if (map.current.nodes.length === 1) group.campaign();
  const keeper = new MetaKeeper({ group, machine, meta, map, clock, logger });
  replicas.start(presentShards(log, map.current));
  reports.start();
  const announcer = new AddressKeeper({
    ...{ self: init.self, number: self, clusterId: member.clusterId },
    ...{ map, meta, dialer: deps.dialer, clock, logger },
  });
  map.onChange((next) => {
    if (nodeOf(next, self)?.state === "left") deps.onLeft();
    directory.writeMap(next).catch((error: unknown) => {
      // Only where to look for the others at the next start rests on it.
      logger.warn({ error }, "the cluster map could not be saved beside the data");
    });
  });
  const workings = { self, map, meta, reports, replicas, calls: network, clock, logger };
  const balancer = clusterBalancer(workings, {
    ...BALANCER_DEFAULTS,
    replaceAfterMs: init.replaceAfterMs === 0 ? Number.POSITIVE_INFINITY : init.replaceAfterMs,
  });
  late.balancer = balancer;
  balancer.start();
  map.onChange(() => balancer.nudge());
  const auditor = new Auditor(workings, { everyMs: init.auditEveryMs });
  late.auditor = auditor;
  auditor.start();
  const { longestCallMs } = init;
  const dropped = new DroppedKeyspaces({ ...workings, longestCallMs });
  dropped.start();
  const parts = { self, map, meta, replicas, reports, clusterClock, calls: network, host };
  return new Cluster(parts, [announcer, reports, keeper, balancer, auditor, dropped], logger);
}

function tcpTransport(
  { member, listen, maxEntryBytes }: OpenClusterInit,
  { ports, logger }: OpenClusterDeps,
): Transport {
  const { clock, random } = ports;
  const { clusterId: cluster, number: nodeId } = member;
  return new TcpTransport(
    { nodeId, cluster, listen: listen.address, ports: { clock, random } },
    {
      observer: transportObserver(logger, clock),
      maxFrameBytes: Math.max(LEAST_FRAME_BYTES, maxEntryBytes + FRAME_ROOM_BYTES),
      maxQueuedBytes: 2 * Math.max(LEAST_FRAME_BYTES, maxEntryBytes + FRAME_ROOM_BYTES),
    },
  );
}

/** @throws KvError `NOT_SERVING` while the node is starting */
function started<Part>(part: Part | undefined): Part {
  if (part !== undefined) return part;
  throw new KvError({ code: "NOT_SERVING", message: "the node is starting" });
}

/** Shards whose group has left something in the log: of one that was removed only its vote stays. */
function presentShards(log: GroupLogs, map: ClusterMap): readonly number[] {
  const groups = new Set(log.groupIds());
  return map.shards
    .map(({ shard }) => shard)
    .filter((shard) => groups.has(groupOfShard(shard)))
    .filter((shard) => {
      const storage = log.storage(groupOfShard(shard));
      return storage.lastIndex() > 0 || storage.snapshot() !== undefined;
    });
}

/** Whether the leader of a shard says that this node is no member of its group. */
async function isExpelled(
  reports: NodeReports,
  map: ClusterMap,
  shard: number,
  self: number,
): Promise<boolean> {
  for (const node of map.shards[shard]?.replicas ?? []) {
    const report = await reports.ask(node, "all");
    const seen = report?.shards.find((one) => one.shard === shard);
    if (seen?.role !== "leader") continue;
    return ![...seen.voters, ...seen.votersOutgoing, ...seen.learners].includes(self);
  }
  return false;
}

/** Where the store cannot be asked, there may be keys. */
function mayHold(replica: OpenShardReplica, keyspace: number): boolean {
  try {
    return replica.holdsKeyspace(keyspace);
  } catch {
    return true;
  }
}
