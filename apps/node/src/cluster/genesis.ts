/** The first map of a cluster, and where its shards go. */
import { type Placement, placeShards, Ring, TokenRanges } from "@titan/ring";
import { DEFAULT_KEYSPACE, DEFAULT_KEYSPACE_NUMBER } from "../kv/keyspace.js";
import type { ClusterMap, MapNode, MapShard } from "./cluster-map.js";
import type { NodeFacts } from "./map-command.js";

/** What a cluster is for its whole life. */
export interface ClusterShape {
  readonly shards: number;
  readonly replicationFactor: number;
  readonly virtualNodes: number;
}

/** A node that founds a cluster. */
export interface Founder extends NodeFacts {
  readonly id: string;
  readonly joinToken: string;
}

/** The map that these found; nodes are numbered in the order of their ids. */
export function genesisMap(
  clusterId: string,
  shape: ClusterShape,
  founders: readonly Founder[],
): ClusterMap {
  const nodes = founders
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map((founder, at): MapNode => ({ ...founder, number: at + 1, state: "active" }));
  const { replicationFactor, virtualNodes } = shape;
  const placement = place(nodes, { replicationFactor, virtualNodes }, shape.shards, undefined);
  const shards = TokenRanges.even(shape.shards).starts.map((token, shard): MapShard => {
    const replicas = placement[shard] ?? [];
    const start = token.toString(16).padStart(16, "0");
    return { shard, start, replicas, founders: replicas, move: undefined };
  });
  return {
    clusterId,
    epoch: 1,
    ...{ replicationFactor, virtualNodes, nodes, shards },
    keyspaces: [{ name: DEFAULT_KEYSPACE, number: DEFAULT_KEYSPACE_NUMBER, defaultTtlMs: 0 }],
    droppedKeyspaces: [],
    nextNodeNumber: nodes.length + 1,
    nextKeyspaceNumber: DEFAULT_KEYSPACE_NUMBER + 1,
    isBalancerPaused: false,
  };
}

/**
 * Where the active nodes' shards should be: numbers of nodes by shard, the one that should lead first. What
 * need not move stays.
 */
export function targetPlacement(map: ClusterMap): readonly (readonly number[])[] {
  const active = map.nodes.filter(({ state }) => state === "active");
  const previous = map.shards.map(({ replicas }) => replicas);
  return place(active, map, map.shards.length, previous);
}

function place(
  nodes: readonly MapNode[],
  { replicationFactor, virtualNodes }: Pick<ClusterMap, "replicationFactor" | "virtualNodes">,
  shards: number,
  previous: readonly (readonly number[])[] | undefined,
): readonly (readonly number[])[] {
  const ring = new Ring(
    nodes.map(({ id, weight, zone }) => ({ id, weight, zone: zone === "" ? undefined : zone })),
    { virtualNodes },
  );
  const ids = new Map(nodes.map(({ number, id }) => [number, id]));
  const numbers = new Map(nodes.map(({ number, id }) => [id, number]));
  const before: Placement | undefined = previous?.map((replicas) =>
    replicas.flatMap((number) => ids.get(number) ?? []),
  );
  const placement = placeShards(ring, { shards, replicas: replicationFactor, previous: before });
  return placement.map((replicas) => replicas.flatMap((id) => numbers.get(id) ?? []));
}
