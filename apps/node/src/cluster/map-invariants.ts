/** What is true of every map. A map that breaks it is a defect and stops the group that holds it. */
import { type ClusterMap, holdersOf, nodeOf } from "./cluster-map.js";

/** @throws Error that names the invariant */
export function assertMap(map: ClusterMap): void {
  assertNodes(map);
  assertShards(map);
  assertKeyspaces(map);
}

function assertNodes({ nodes, nextNodeNumber }: ClusterMap): void {
  demand(nodes.length > 0, "there is a node");
  demand(
    isAscending(nodes.map(({ number }) => number)),
    "nodes come in the order of their numbers",
  );
  demand((nodes.at(-1)?.number ?? 0) < nextNodeNumber, "the next node's number is unused");
  const present = nodes.filter(({ state }) => state !== "left");
  demand(areDistinct(present.map(({ id }) => id)), "node ids are unique");
  demand(areDistinct(nodes.map(({ joinToken }) => joinToken)), "join tokens are unique");
  demand(
    present.some(({ state }) => state === "active"),
    "a node is active",
  );
}

function assertShards(map: ClusterMap): void {
  const { shards } = map;
  demand(shards[0]?.start === "0".repeat(16), "the first shard begins at token 0");
  for (const [at, shard] of shards.entries()) {
    const { replicas, founders, move, start } = shard;
    demand(shard.shard === at, `shard ${at} is in its place`);
    const before = shards[at - 1]?.start;
    demand(before === undefined || before < start, `shard ${at} begins behind the one before it`);
    demand(replicas.length > 0, `shard ${at} has a replica`);
    demand(founders.length > 0, `shard ${at} has founders`);
    const holders = holdersOf(shard);
    demand(areDistinct(holders), `replicas of shard ${at} are on different nodes`);
    for (const holder of holders) {
      const state = nodeOf(map, holder)?.state;
      demand(state === "active" || state === "draining", `node ${holder} of shard ${at} is there`);
    }
    demand(
      move?.remove === undefined || replicas.includes(move.remove),
      `what a move of shard ${at} removes is one of its replicas`,
    );
  }
}

function assertKeyspaces(map: ClusterMap): void {
  const { keyspaces, droppedKeyspaces, nextKeyspaceNumber } = map;
  const numbers = keyspaces.map(({ number }) => number);
  demand(keyspaces[0]?.number === 1, "the keyspace default is there");
  demand(isAscending(numbers), "keyspaces come in the order of their numbers");
  demand(areDistinct(keyspaces.map(({ name }) => name)), "names of keyspaces are unique");
  demand(areDistinct([...numbers, ...droppedKeyspaces]), "numbers of keyspaces are unique");
  const largest = Math.max(...numbers, ...droppedKeyspaces);
  demand(largest < nextKeyspaceNumber, "the next keyspace's number is unused");
}

function demand(isTrue: boolean, invariant: string): void {
  if (!isTrue) throw new Error(`the cluster map is broken, it is not so that ${invariant}`);
}

function areDistinct(values: readonly (string | number)[]): boolean {
  return new Set(values).size === values.length;
}

function isAscending(values: readonly number[]): boolean {
  return values.every((value, at) => at === 0 || (values[at - 1] as number) < value);
}
