/** The first map of a cluster, and where its shards begin. */
import { placeShards, Ring, TokenRanges } from "@titan/ring";
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
  const placement = place(nodes, shape);
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

function place(
  nodes: readonly MapNode[],
  { shards, replicationFactor, virtualNodes }: ClusterShape,
): readonly (readonly number[])[] {
  const ring = new Ring(
    nodes.map(({ id, weight, zone }) => ({ id, weight, zone: zone === "" ? undefined : zone })),
    { virtualNodes },
  );
  const numbers = new Map(nodes.map(({ number, id }) => [id, number]));
  const placement = placeShards(ring, { shards, replicas: replicationFactor });
  return placement.map((replicas) => replicas.flatMap((id) => numbers.get(id) ?? []));
}
