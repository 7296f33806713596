/** What people and joining nodes ask of the cluster, on any node of it. */
import { KvError } from "../kv/kv-error.js";
import { checkTtl } from "../kv/limits.js";
import type { CallLimits } from "../shard/shard-replica.js";
import type { ClusterParts } from "./cluster.js";
import { type ClusterMap, holdersOf, type MapNode, nodeById, nodeOf } from "./cluster-map.js";
import type { Self } from "./introduction.js";
import { encodeMap } from "./map-schema.js";

/** Changes of the map take a round of its group; what takes longer has no majority. */
const CHANGE: CallLimits = { timeoutMs: 10_000 };

export class ClusterAdmin {
  readonly #cluster: ClusterParts;
  readonly #stopping: AbortSignal;

  /** @param stopping ends what waits */
  constructor(cluster: ClusterParts, stopping: AbortSignal) {
    this.#cluster = cluster;
    this.#stopping = stopping;
  }

  /** What this node knows, without asking. */
  view(): {
    readonly map: ClusterMap;
    readonly leaderOf: (shard: number) => number | undefined;
  } {
    const { map, replicas } = this.#cluster;
    return { map: map.current, leaderOf: (shard) => replicas.replica(shard)?.leader };
  }

  /** Resolves when there is a map of a later epoch, or after a while. */
  async waitBeyond(epoch: number, waitMs: number): Promise<void> {
    const signal = AbortSignal.any([this.#stopping, AbortSignal.timeout(waitMs)]);
    await this.#cluster.map.atLeast(epoch + 1, signal).catch(() => undefined);
  }

  /** @throws KvError `FIELD_INVALID`, `KEYSPACE_EXISTS`, `CLUSTER_STATE`, and as `MetaGroup.change` */
  async createKeyspace(name: string, defaultTtlMs: number): Promise<void> {
    checkTtl(defaultTtlMs);
    await this.#cluster.meta.change({ type: "create-keyspace", name, defaultTtlMs }, CHANGE);
  }

  /**
   * From now on nobody finds the keyspace; its keys are removed in the background.
   * @throws KvError `FIELD_INVALID`, `KEYSPACE_UNKNOWN`, and as `MetaGroup.change`
   */
  async dropKeyspace(name: string): Promise<void> {
    await this.#cluster.meta.change({ type: "drop-keyspace", name }, CHANGE);
  }

  /**
   * Has a node emptied and taken out, or takes that back.
   * @param id "" for this node
   * @returns replicas that it keeps at the moment
   * @throws KvError `NODE_UNKNOWN`, `CLUSTER_STATE`, and as `MetaGroup.change`
   */
  async leave(id: string, isCancelled: boolean): Promise<number> {
    const { map, meta } = this.#cluster;
    const { number } = this.#node(id);
    const [state, ifState] = isCancelled
      ? (["active", "draining"] as const)
      : (["draining", "active"] as const);
    await meta.change({ type: "set-node-state", node: number, state, ifState }, CHANGE);
    return map.current.shards.filter((shard) => holdersOf(shard).includes(number)).length;
  }

  async pauseBalancer(isPaused: boolean): Promise<void> {
    await this.#cluster.meta.change({ type: "pause-balancer", isPaused }, CHANGE);
  }

  /**
   * Asks a shard's leader to hand over; whether it does, the status says.
   * @throws KvError `FIELD_INVALID`, `NODE_UNKNOWN`, `CLUSTER_STATE`, `NO_LEADER`, `PEER_UNREACHABLE`
   */
  async transferLeader(shard: number, id: string): Promise<void> {
    const { map, replicas, calls, self } = this.#cluster;
    const { number } = this.#node(id);
    const place = map.current.shards[shard];
    if (place === undefined) {
      const message = `shard: there are shards 0 to ${map.current.shards.length - 1}`;
      throw new KvError({ code: "FIELD_INVALID", message, metadata: { field: "shard" } });
    }
    if (!place.replicas.includes(number)) {
      const message = `node ${id} keeps no replica of shard ${shard}`;
      throw new KvError({ code: "CLUSTER_STATE", message });
    }
    const here = replicas.replica(shard);
    if (here !== undefined) {
      if (here.leader === undefined) {
        throw new KvError({ code: "NO_LEADER", message: `shard ${shard} has no leader` });
      }
      here.group.transferLeadership(number);
      return;
    }
    const body = encodeTransfer(shard, number);
    const holders = place.replicas.filter((node) => node !== self && calls.isReachable(node));
    await calls.call(holders[0] ?? number, "transferLeader", body, CHANGE);
  }

  /**
   * Takes a node in, or brings what is known of one up to date.
   * @param clusterId the cluster that it says it belongs to; "" for none
   * @throws KvError `WRONG_CLUSTER`, `NODE_ID_IN_USE`, `CLUSTER_STATE`, and as `MetaGroup.change`
   */
  async join(node: Self, clusterId: string) {
    const { map, meta } = this.#cluster;
    const own = map.current.clusterId;
    if (clusterId !== "" && clusterId !== own) {
      throw new KvError({
        code: "WRONG_CLUSTER",
        message: `this node belongs to cluster ${own}, the joining one to ${clusterId}`,
        metadata: { cluster_id: own, expected: clusterId },
      });
    }
    const { id, joinToken, grpcAddr, raftAddr, zone, weight } = node;
    const facts = { grpcAddr, raftAddr, zone, weight };
    const { epoch } = await meta.change({ type: "add-node", id, joinToken, ...facts }, CHANGE);
    const current = map.current;
    const added = current.nodes.find((one) => one.joinToken === joinToken);
    if (current.epoch < epoch || added === undefined) {
      // It is done, and asking again is harmless.
      throw new KvError({ code: "NO_LEADER", message: "this node is behind: ask again" });
    }
    return { clusterId: own, number: added.number, map: encodeMap(current) };
  }

  #node(id: string): MapNode {
    const { map, self } = this.#cluster;
    const node = id === "" ? nodeOf(map.current, self) : nodeById(map.current, id);
    if (node !== undefined) return node;
    const shown = id.slice(0, 64).replace(/[\uD800-\uDBFF]$/u, "…");
    throw new KvError({
      code: "NODE_UNKNOWN",
      message: `there is no node ${JSON.stringify(shown)}`,
      metadata: { node_id: shown },
    });
  }
}

const TRANSFER_BYTES = 8;

export function encodeTransfer(shard: number, to: number): Uint8Array {
  const body = Buffer.alloc(TRANSFER_BYTES);
  body.writeUInt32BE(shard, 0);
  body.writeUInt32BE(to, 4);
  return body;
}

/** Serves the peers' requests for a transfer at this node's replica. */
export function serveTransfers({
  calls,
  replicas,
}: Pick<ClusterParts, "calls" | "replicas">): void {
  calls.serve("transferLeader", async (_from, body) => {
    if (body.length !== TRANSFER_BYTES) {
      throw new KvError({ code: "FIELD_INVALID", message: "not a transfer" });
    }
    const bytes = Buffer.from(body);
    const shard = bytes.readUInt32BE(0);
    const replica = replicas.replica(shard);
    if (replica?.leader === undefined) {
      throw new KvError({ code: "NO_LEADER", message: `shard ${shard} has no leader here` });
    }
    replica.group.transferLeadership(bytes.readUInt32BE(4));
    return new Uint8Array(0);
  });
}
