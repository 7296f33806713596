/** Where the replicas of all shards should be. */
import { type Placement, placeShards, Ring } from "@titan/ring";
import type { ClusterMap, MapNode } from "../cluster/cluster-map.js";

/** Replicas by shard, as node numbers. */
export type Target = readonly (readonly number[])[];

/**
 * Replicas by shard, as node numbers, the one that should lead first: on active nodes only, what can stay stays.
 * `undefined` when there is no active node.
 */
export function targetReplicas(map: ClusterMap): Target | undefined {
  // Looked at many times per map, and dear: it hashes every virtual node.
  if (!known.has(map)) known.set(map, computeTarget(map));
  return known.get(map);
}

const known = new WeakMap<ClusterMap, Target | undefined>();

function computeTarget(map: ClusterMap): Target | undefined {
  const active = map.nodes.filter(({ state }) => state === "active");
  if (active.length === 0) return undefined;
  const ring = new Ring(active.map(toRingNode), { virtualNodes: map.virtualNodes });
  const idOf = new Map(active.map(({ number, id }) => [number, id]));
  const numberOf = new Map(active.map(({ number, id }) => [id, number]));
  const previous: Placement = map.shards.map(({ replicas }) =>
    replicas.flatMap((number) => idOf.get(number) ?? []),
  );
  const placement = placeShards(ring, {
    shards: map.shards.length,
    replicas: map.replicationFactor,
    previous,
  });
  return placement.map((ids) => ids.flatMap((id) => numberOf.get(id) ?? []));
}

function toRingNode({ id, weight, zone }: MapNode) {
  return { id, weight, zone: zone === "" ? undefined : zone };
}
