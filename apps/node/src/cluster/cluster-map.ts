/**
 * What all nodes agree on: who is in the cluster, who keeps which shard, and which keyspaces exist. Replicated
 * by the meta group, whose members are all nodes (the first few as voters, the rest as learners), so that every
 * node has it at hand. Immutable: a change makes a new map with the next epoch.
 */

/** `active` takes part; `draining` is to be emptied (asked to leave, or gone for too long); `left` keeps nothing and is gone for good. */
export type NodeState = "active" | "draining" | "left";

export interface MapNode {
  /** Of this node in all Raft groups: unique for the life of the cluster, never reused. */
  readonly number: number;
  /** What people call it: `--node-id`. Free again once its node has left. */
  readonly id: string;
  /** Where clients reach it, as they should dial it. */
  readonly grpcAddr: string;
  /** Where peers reach it, as they should dial it. */
  readonly raftAddr: string;
  /** "" when it was given none: then it is a zone by itself. */
  readonly zone: string;
  readonly weight: number;
  readonly state: NodeState;
  /** Drawn by the node itself, so that its repeated join is recognised, and another's with its id is not. */
  readonly joinToken: string;
}

/** A change of a shard's replicas under way; see balancer. */
export interface ShardMove {
  /** Node that gets a replica; undefined when one is only removed. */
  readonly add: number | undefined;
  /** Node that loses its replica; undefined when one is only added. */
  readonly remove: number | undefined;
}

export interface MapShard {
  readonly shard: number;
  /** First token, in 16 hex digits; the range ends where the next shard's begins. */
  readonly start: string;
  /** Node numbers, the one that should lead first. */
  readonly replicas: readonly number[];
  /** The members that the group was founded with. */
  readonly founders: readonly number[];
  readonly move: ShardMove | undefined;
}

export interface MapKeyspace {
  readonly name: string;
  /** 1 is "default". Never reused. */
  readonly number: number;
  readonly defaultTtlMs: number;
}

export interface ClusterMap {
  readonly clusterId: string;
  /** Grows by one with every change. */
  readonly epoch: number;
  readonly replicationFactor: number;
  /** Virtual nodes per unit of weight. */
  readonly virtualNodes: number;
  /** In order of their numbers; those that have left stay. */
  readonly nodes: readonly MapNode[];
  /** In order of their number, which is their index. */
  readonly shards: readonly MapShard[];
  /** In order of their numbers. */
  readonly keyspaces: readonly MapKeyspace[];
  /** Keyspaces whose keys are still being removed. */
  readonly droppedKeyspaces: readonly number[];
  readonly nextNodeNumber: number;
  readonly nextKeyspaceNumber: number;
  readonly isBalancerPaused: boolean;
}

/** The Raft group that keeps the map. */
export const META_GROUP = 1;

/** The Raft group of a shard. */
export function groupOfShard(shard: number): number {
  return shard + META_GROUP + 1;
}

/** The node of that number, whatever its state. */
export function nodeOf(map: ClusterMap, number: number): MapNode | undefined {
  return map.nodes.find((node) => node.number === number);
}

/** The node that bears that id now. */
export function nodeById(map: ClusterMap, id: string): MapNode | undefined {
  return map.nodes.find((node) => node.id === id && node.state !== "left");
}

/** Nodes that keep a replica of the shard, or may while it moves. */
export function holdersOf({ replicas, move }: MapShard): readonly number[] {
  return move?.add === undefined ? replicas : [...replicas, move.add];
}

/** Whether a node keeps anything that others rely on. */
export function holdsReplicas(map: ClusterMap, node: number): boolean {
  return map.shards.some((shard) => holdersOf(shard).includes(node));
}
