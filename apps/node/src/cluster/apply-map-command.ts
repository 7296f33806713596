/**
 * How the map changes: a pure function of map and command, which all members of the meta group run. What a
 * command asks that is so already changes nothing and is done; what cannot be is refused, and changes nothing
 * either.
 */
import { DEFAULT_KEYSPACE, MAX_KEYSPACE_NUMBER } from "../kv/keyspace.js";
import {
  type ClusterMap,
  holdersOf,
  holdsReplicas,
  type MapNode,
  type MapShard,
  nodeById,
  nodeOf,
  type ShardMove,
} from "./cluster-map.js";
import type { MapCommand, MapResult, NodeFacts } from "./map-command.js";
import { assertMap } from "./map-invariants.js";
import { changed, done, type MapChange, MapRefusal, type PartOf, refuse } from "./map-refusal.js";

const KEYSPACE_NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const MAX_KEYSPACES = 1024;
const MAX_NODES = 1000;

/**
 * @param map undefined before the first command
 * @returns the map to go on with, which is the same object when nothing changed
 */
export function applyMapCommand(
  map: ClusterMap | undefined,
  command: MapCommand,
): { readonly map: ClusterMap | undefined; readonly result: MapResult } {
  try {
    const next = command.type === "found" ? found(map, command.map) : change(map, command);
    if (next.map !== map) assertMap(next.map);
    return { map: next.map, result: { type: "done", epoch: next.map.epoch, number: next.number } };
  } catch (error) {
    if (!(error instanceof MapRefusal)) throw error;
    return { map, result: error.result };
  }
}

function found(map: ClusterMap | undefined, first: ClusterMap): MapChange {
  if (map === undefined) return { map: first, number: undefined };
  if (map.clusterId === first.clusterId) return done(map);
  throw refuse("WRONG_CLUSTER", `this is cluster ${map.clusterId}, not ${first.clusterId}`, {
    cluster_id: map.clusterId,
    expected: first.clusterId,
  });
}

function change(
  map: ClusterMap | undefined,
  command: Exclude<MapCommand, { readonly type: "found" }>,
): MapChange {
  // Passes by itself: the leader brings the first map in.
  if (map === undefined) throw refuse("NO_LEADER", "the cluster is being founded");
  if ("ifEpoch" in command && command.ifEpoch !== undefined && command.ifEpoch !== map.epoch) {
    const message = `the map has changed: it has epoch ${map.epoch}, not ${command.ifEpoch}`;
    throw refuse("CLUSTER_STATE", message, { epoch: String(map.epoch) });
  }
  switch (command.type) {
    case "add-node":
      return addNode(map, command);
    case "update-node":
      return updateNode(map, requireNode(map, command.node), command);
    case "set-node-state":
      return setNodeState(map, command);
    case "create-keyspace":
      return createKeyspace(map, command);
    case "drop-keyspace":
      return dropKeyspace(map, command.name);
    case "finish-drop-keyspace": {
      const droppedKeyspaces = map.droppedKeyspaces.filter((one) => one !== command.keyspace);
      const isKnown = droppedKeyspaces.length < map.droppedKeyspaces.length;
      return isKnown ? changed(map, { droppedKeyspaces }) : done(map);
    }
    case "begin-move":
      return beginMove(map, command.shard, command.move);
    case "finish-move":
      return finishMove(map, command);
    case "set-replica-order":
      return setReplicaOrder(map, command.shard, command.replicas);
    case "pause-balancer":
      if (map.isBalancerPaused === command.isPaused) return done(map);
      return changed(map, { isBalancerPaused: command.isPaused });
  }
}

function addNode(
  map: ClusterMap,
  { id, joinToken, ...facts }: PartOf<MapCommand, "add-node">,
): MapChange {
  const same = map.nodes.find((node) => node.joinToken === joinToken);
  if (same !== undefined) {
    if (same.state === "left") {
      const message = `node ${same.id} has left the cluster for good: start it with an empty --data-dir`;
      throw refuse("CLUSTER_STATE", message, { node_id: same.id });
    }
    if (same.id !== id) {
      throw refuse("CLUSTER_STATE", `this node is ${same.id} in the cluster, not ${id}`);
    }
    return { ...updateNode(map, same, facts), number: same.number };
  }
  if (nodeById(map, id) !== undefined) {
    const message =
      `there is a node ${id} already, with another data directory. If that one has lost its disk, remove it ` +
      "first (titan leave, or wait for --replace-after); or start this node with another --node-id";
    throw refuse("NODE_ID_IN_USE", message, { node_id: id });
  }
  requireFreeAddresses(map, undefined, facts);
  if (map.nodes.length >= MAX_NODES) {
    throw refuse("CLUSTER_STATE", `a cluster has at most ${MAX_NODES} nodes in its life`);
  }
  const number = map.nextNodeNumber;
  const { grpcAddr, raftAddr, zone, weight } = facts;
  const node: MapNode = {
    ...{ number, id, grpcAddr, raftAddr, zone, weight },
    ...{ state: "active", joinToken },
  };
  return changed(map, { nodes: [...map.nodes, node], nextNodeNumber: number + 1 }, number);
}

function updateNode(map: ClusterMap, node: MapNode, facts: NodeFacts): MapChange {
  const { grpcAddr, raftAddr, zone, weight } = facts;
  const isSame =
    node.grpcAddr === grpcAddr &&
    node.raftAddr === raftAddr &&
    node.zone === zone &&
    node.weight === weight;
  if (isSame) return done(map);
  if (node.state === "left") throw refuse("CLUSTER_STATE", `node ${node.id} has left the cluster`);
  requireFreeAddresses(map, node.number, facts);
  return withNode(map, { ...node, grpcAddr, raftAddr, zone, weight });
}

/** Two nodes at one address would each be taken for the other. */
function requireFreeAddresses(map: ClusterMap, self: number | undefined, facts: NodeFacts): void {
  const { grpcAddr, raftAddr } = facts;
  for (const node of map.nodes) {
    if (node.number === self || node.state === "left") continue;
    const isTaken = node.raftAddr === raftAddr || node.grpcAddr === grpcAddr;
    if (!isTaken) continue;
    const address = node.raftAddr === raftAddr ? raftAddr : grpcAddr;
    const message =
      `node ${node.id} is at ${address} already: give each node an address of its own, and advertise one that ` +
      "the others can dial (--advertise-grpc-addr, --advertise-raft-addr)";
    throw refuse("CLUSTER_STATE", message, { node_id: node.id });
  }
}

function setNodeState(
  map: ClusterMap,
  { node: number, state, ifState }: PartOf<MapCommand, "set-node-state">,
): MapChange {
  const node = requireNode(map, number);
  if (node.state === state) return done(map);
  if (ifState !== undefined && node.state !== ifState) {
    throw refuse("CLUSTER_STATE", `node ${node.id} is ${node.state}, not ${ifState}`);
  }
  if (node.state === "left") {
    throw refuse("CLUSTER_STATE", `node ${node.id} has left the cluster for good`);
  }
  const others = map.nodes.filter((one) => one.number !== number && one.state === "active");
  if (state !== "active" && others.length === 0) {
    throw refuse("CLUSTER_STATE", `node ${node.id} is the last active node: add another one first`);
  }
  if (state === "left" && holdsReplicas(map, number)) {
    throw refuse("CLUSTER_STATE", `node ${node.id} still keeps replicas of shards`);
  }
  return withNode(map, { ...node, state });
}

function createKeyspace(
  map: ClusterMap,
  { name, defaultTtlMs }: PartOf<MapCommand, "create-keyspace">,
): MapChange {
  if (!KEYSPACE_NAME.test(name)) {
    const message = 'keyspace.name: 1 to 64 of a-z, 0-9, "-", "_", beginning with a letter';
    throw refuse("FIELD_INVALID", message, { field: "keyspace.name" });
  }
  if (map.keyspaces.some((keyspace) => keyspace.name === name)) {
    throw refuse("KEYSPACE_EXISTS", `there is a keyspace ${name} already`, { keyspace: name });
  }
  const number = map.nextKeyspaceNumber;
  if (map.keyspaces.length >= MAX_KEYSPACES || number > MAX_KEYSPACE_NUMBER) {
    const message =
      number > MAX_KEYSPACE_NUMBER
        ? "no numbers are left for keyspaces: they are never used again"
        : `there are ${MAX_KEYSPACES} keyspaces already`;
    throw refuse("CLUSTER_STATE", message);
  }
  const keyspaces = [...map.keyspaces, { name, number, defaultTtlMs }];
  return changed(map, { keyspaces, nextKeyspaceNumber: number + 1 }, number);
}

function dropKeyspace(map: ClusterMap, name: string): MapChange {
  if (name === DEFAULT_KEYSPACE) {
    const message = `name: the keyspace ${DEFAULT_KEYSPACE} cannot be dropped`;
    throw refuse("FIELD_INVALID", message, { field: "name" });
  }
  const dropped = map.keyspaces.find((keyspace) => keyspace.name === name);
  if (dropped === undefined) {
    const shown = name.slice(0, 64).replace(/[\uD800-\uDBFF]$/u, "…");
    throw refuse("KEYSPACE_UNKNOWN", `there is no keyspace ${JSON.stringify(shown)}`, {
      keyspace: shown,
    });
  }
  return changed(map, {
    keyspaces: map.keyspaces.filter((keyspace) => keyspace !== dropped),
    droppedKeyspaces: [...map.droppedKeyspaces, dropped.number],
  });
}

function beginMove(map: ClusterMap, number: number, move: ShardMove): MapChange {
  const shard = requireShard(map, number);
  if (shard.move !== undefined) {
    if (isSameMove(shard.move, move)) return done(map);
    throw refuse("CLUSTER_STATE", `shard ${number} is being moved already`);
  }
  const { add, remove } = move;
  if (add === undefined && remove === undefined) {
    throw refuse("CLUSTER_STATE", `a move of shard ${number} that moves nothing`);
  }
  if (add !== undefined) {
    const node = requireNode(map, add);
    if (node.state !== "active") {
      throw refuse("CLUSTER_STATE", `node ${node.id} is ${node.state}: it gets no replicas`);
    }
    if (shard.replicas.includes(add)) {
      throw refuse("CLUSTER_STATE", `node ${node.id} has a replica of shard ${number} already`);
    }
  }
  if (remove !== undefined && !shard.replicas.includes(remove)) {
    throw refuse("CLUSTER_STATE", `node ${remove} has no replica of shard ${number}`);
  }
  if (add === undefined && shard.replicas.length === 1) {
    throw refuse("CLUSTER_STATE", `shard ${number} has one replica only`);
  }
  return withShard(map, { ...shard, move: { add, remove } });
}

function finishMove(
  map: ClusterMap,
  { shard: number, move, replicas }: PartOf<MapCommand, "finish-move">,
): MapChange {
  const shard = requireShard(map, number);
  if (shard.move === undefined && isSameList(shard.replicas, replicas)) return done(map);
  if (shard.move === undefined || !isSameMove(shard.move, move)) {
    throw refuse("CLUSTER_STATE", `no such move of shard ${number} is under way`);
  }
  const holders = holdersOf(shard);
  const mayBe = replicas.length > 0 && new Set(replicas).size === replicas.length;
  if (!mayBe || !replicas.every((node) => holders.includes(node))) {
    throw refuse(
      "CLUSTER_STATE",
      `nodes ${replicas.join(", ")} cannot be what keeps shard ${number}`,
    );
  }
  return withShard(map, { ...shard, replicas, move: undefined });
}

function setReplicaOrder(map: ClusterMap, number: number, replicas: readonly number[]): MapChange {
  const shard = requireShard(map, number);
  if (isSameList(shard.replicas, replicas)) return done(map);
  const isPermutation =
    replicas.length === shard.replicas.length &&
    new Set(replicas).size === replicas.length &&
    replicas.every((node) => shard.replicas.includes(node));
  if (!isPermutation) {
    throw refuse("CLUSTER_STATE", `not the replicas of shard ${number} in another order`);
  }
  return withShard(map, { ...shard, replicas });
}

function requireNode(map: ClusterMap, number: number): MapNode {
  const node = nodeOf(map, number);
  if (node !== undefined) return node;
  throw refuse("NODE_UNKNOWN", `there is no node ${number}`, { node_id: String(number) });
}

function requireShard(map: ClusterMap, number: number): MapShard {
  const shard = map.shards[number];
  if (shard !== undefined) return shard;
  throw refuse("CLUSTER_STATE", `there is no shard ${number}`);
}

function isSameMove(a: ShardMove, b: ShardMove): boolean {
  return a.add === b.add && a.remove === b.remove;
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((node, at) => node === b[at]);
}

function withNode(map: ClusterMap, node: MapNode): MapChange {
  const nodes = map.nodes.map((one) => (one.number === node.number ? node : one));
  return changed(map, { nodes });
}

function withShard(map: ClusterMap, shard: MapShard): MapChange {
  const shards = map.shards.map((one) => (one.shard === shard.shard ? shard : one));
  return changed(map, { shards });
}
