/** What a wait looks at: the nodes of one process, from the inside. */
import { holdersOf } from "../cluster/cluster-map.js";
import type { RunningNodeParts } from "../running-node.js";
import type { OpenShardReplica } from "../shard/open-shard-replica.js";

type Parts = readonly RunningNodeParts[];

/** The replica that leads a shard: that of the latest term, if two say so. */
export function leaderOf(nodes: Parts, shard: number): RunningNodeParts | undefined {
  let found: RunningNodeParts | undefined;
  let foundTerm = -1;
  for (const node of nodes) {
    const replica = node.cluster.replicas.replica(shard);
    if (replica === undefined || !replica.isLeader) continue;
    const { term } = replica.status();
    if (term > foundTerm) [found, foundTerm] = [node, term];
  }
  return found;
}

function replicasOf(nodes: Parts, shard: number): readonly OpenShardReplica[] {
  return nodes.flatMap(({ cluster }) => cluster.replicas.replica(shard) ?? []);
}

function shardsOf(nodes: Parts): readonly number[] {
  return newestMap(nodes)?.shards.map(({ shard }) => shard) ?? [];
}

function newestMap(nodes: Parts) {
  const maps = nodes.map(({ cluster }) => cluster.map.current);
  return maps.reduce<(typeof maps)[number] | undefined>(
    (newest, map) => (newest === undefined || map.epoch > newest.epoch ? map : newest),
    undefined,
  );
}

/** Every shard and the map's group have a leader that all their running replicas know. */
export function isLed(nodes: Parts): boolean {
  if (nodes.some(({ cluster }) => cluster.meta.leader === undefined)) return false;
  return shardsOf(nodes).every((shard) => {
    const leader = leaderOf(nodes, shard)?.cluster.self;
    return leader !== undefined && replicasOf(nodes, shard).every((one) => one.leader === leader);
  });
}

/** Every running replica has applied all that its shard's leader has committed. */
export function isCaughtUp(nodes: Parts): boolean {
  return shardsOf(nodes).every((shard) => {
    const commitIndex = leaderOf(nodes, shard)
      ?.cluster.replicas.replica(shard)
      ?.status().commitIndex;
    if (commitIndex === undefined) return false;
    return replicasOf(nodes, shard).every((one) => one.status().appliedIndex >= commitIndex);
  });
}

/**
 * All running nodes know the same map, nothing moves, each shard has as many voters as it is to have, and the
 * running nodes keep the replicas that the map gives them.
 */
export function isSettled(nodes: Parts): boolean {
  const map = newestMap(nodes);
  if (map === undefined || !isLed(nodes) || !isCaughtUp(nodes)) return false;
  const active = map.nodes.filter(({ state }) => state === "active").length;
  const wanted = Math.min(map.replicationFactor, active);
  return (
    nodes.every(({ cluster }) => cluster.map.current.epoch === map.epoch) &&
    nodes.every(({ cluster }) => cluster.replicas.isSettled) &&
    map.nodes.every(({ state }) => state !== "draining") &&
    map.shards.every((place) => {
      if (place.move !== undefined || holdersOf(place).length !== wanted) return false;
      const seen = leaderOf(nodes, place.shard)?.cluster.replicas.replica(place.shard)?.status();
      return seen?.voters.length === wanted && seen.learners.length === 0;
    })
  );
}
