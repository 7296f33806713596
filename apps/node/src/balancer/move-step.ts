/**
 * The way of a move: learner → caught up → one joint change → map. What has been done is read off the group's own
 * configuration, never remembered, so a balancer that takes over in the middle goes on where the last one stopped.
 */
import type { MapShard, ShardMove } from "../cluster/cluster-map.js";
import type { ClusterFacts, Plan, PlanOptions, ShardFacts } from "./facts.js";

/** The next step of a shard's move. */
export function moveStep(
  shard: MapShard,
  move: ShardMove,
  facts: ClusterFacts,
  options: PlanOptions,
): Plan {
  const group = facts.shards.get(shard.shard);
  if (group === undefined) return wait(shard, "no leader answers");
  if (group.votersOutgoing.length > 0) return wait(shard, "its members change");
  if (isAbandoned(move, group, facts)) return giveUp(shard, move, group);
  const { add, remove } = move;
  if (add !== undefined && !group.voters.includes(add)) {
    if (!group.learners.includes(add))
      return step({ type: "add-learner", shard: shard.shard, node: add });
    const lag = group.lag.get(add);
    if (lag === undefined || lag > options.caughtUpLag) {
      return wait(shard, `node ${add} is ${lag ?? "far"} entries behind`);
    }
  }
  const isThere = add === undefined || group.voters.includes(add);
  const isGone = remove === undefined || !isMember(group, remove);
  if (!isGone && group.leader === remove) {
    const handOver = handOverStep(shard, remove, group, facts, options);
    if (handOver !== undefined) return handOver;
  }
  if (!(isThere && isGone)) {
    const change = { add: isThere ? undefined : add, remove: isGone ? undefined : remove };
    return safeChange(shard, change, group, facts);
  }
  return finish(shard, group);
}

/**
 * A leader that is removed does not hear any more what becomes of the last writes that it took: it hands over first.
 * @returns undefined when no other voter could lead
 */
function handOverStep(
  { shard }: MapShard,
  leader: number,
  { voters, lag }: ShardFacts,
  { reachable, settling }: ClusterFacts,
  { caughtUpLag }: PlanOptions,
): Plan | undefined {
  const behind = (node: number): number => lag.get(node) ?? Number.POSITIVE_INFINITY;
  const [to] = voters
    .filter((node) => node !== leader && reachable.has(node) && behind(node) <= caughtUpLag)
    .toSorted((a, b) => behind(a) - behind(b) || a - b);
  if (to === undefined) return undefined;
  return settling.has(shard)
    ? { type: "wait", reason: `shard ${shard}: its leader hands over` }
    : step({ type: "transfer-leader", shard, to });
}

/** A change of voters, unless too few of those after it answer. */
function safeChange(
  shard: MapShard,
  { add, remove }: ShardMove,
  group: ShardFacts,
  facts: ClusterFacts,
): Plan {
  const after = group.voters.filter((node) => node !== remove);
  if (add !== undefined && !after.includes(add)) after.push(add);
  const alive = after.filter((node) => facts.reachable.has(node)).length;
  // Invariant: the balancer never takes a step after which a shard has no majority that answers.
  if (after.length === 0 || alive * 2 <= after.length) {
    return wait(shard, "too few of its replicas answer");
  }
  return step({ type: "change-voters", shard: shard.shard, add, remove });
}

/** The node that is to get a replica went away or was told to leave before it voted. */
function isAbandoned(
  { add }: ShardMove,
  group: ShardFacts,
  { map, reachable }: ClusterFacts,
): boolean {
  if (add === undefined || group.voters.includes(add)) return false;
  const node = map.nodes.find(({ number }) => number === add);
  return node?.state !== "active" || !reachable.has(add);
}

function giveUp(shard: MapShard, { add }: ShardMove, group: ShardFacts): Plan {
  if (add !== undefined && group.learners.includes(add)) {
    // Taking a learner away changes no majority.
    return step({ type: "change-voters", shard: shard.shard, add: undefined, remove: add });
  }
  return finish(shard, group);
}

/** Writes into the map what the group has come to. The order of those that stay is kept: it says who should lead. */
function finish(shard: MapShard, { voters }: ShardFacts): Plan {
  const kept = shard.replicas.filter((node) => voters.includes(node));
  const replicas = [...kept, ...voters.filter((node) => !kept.includes(node))];
  return step({ type: "finish-move", shard: shard.shard, replicas });
}

function isMember({ voters, learners }: ShardFacts, node: number): boolean {
  return voters.includes(node) || learners.includes(node);
}

function step(next: (Plan & { readonly type: "step" })["step"]): Plan {
  return { type: "step", step: next };
}

function wait({ shard }: MapShard, why: string): Plan {
  return { type: "wait", reason: `shard ${shard}: ${why}` };
}
