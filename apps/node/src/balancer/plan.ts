/**
 * Decides what the balancer does next: one bounded step at a time, from what is seen now. Pure.
 *
 * In this order: replace nodes that are gone for too long; carry moves under way through; move replicas, off nodes
 * that are leaving first, then to shards that lack some, then to even the load; let nodes go that keep nothing any
 * more; even the leaders.
 */
import { planReplicaMoves } from "@titan/ring";
import type { ClusterMap, MapNode } from "../cluster/cluster-map.js";
import type { ClusterFacts, Plan, PlanOptions, Step } from "./facts.js";
import { moveStep } from "./move-step.js";
import { type Target, targetReplicas } from "./target.js";

const EVEN: Plan = { type: "even" };

/** See the head of this file. At most one shard is moved at a time. */
export function planNext(facts: ClusterFacts, options: PlanOptions): Plan {
  const { map } = facts;
  if (map.isBalancerPaused) return { type: "wait", reason: "the balancer is paused" };
  const moving = map.shards.find(({ move }) => move !== undefined);
  if (moving?.move !== undefined) return moveStep(moving, moving.move, facts, options);
  const gone = nodeToReplace(facts, options);
  if (gone !== undefined) return step({ type: "drain", node: gone.number });
  const target = targetReplicas(map);
  if (target === undefined) return { type: "wait", reason: "no node is active" };
  return (
    nextMove(facts, target) ??
    nodeThatMayGo(map) ??
    nextPreference(map, target) ??
    nextTransfer(facts) ??
    EVEN
  );
}

/**
 * A node that did not answer for long, if the others can take its replicas: as many active ones that answer are
 * left as a shard has replicas. One at a time, so that a cut through the cluster does not empty half of it.
 */
function nodeToReplace(
  { map, reachable, silentMs }: ClusterFacts,
  options: PlanOptions,
): MapNode | undefined {
  const draining = map.nodes.filter(({ state }) => state === "draining");
  if (draining.some(({ number }) => !reachable.has(number))) return undefined;
  const active = map.nodes.filter(({ state }) => state === "active");
  const answering = active.filter(({ number }) => reachable.has(number)).length;
  if (answering < map.replicationFactor) return undefined;
  return active.find(
    ({ number }) => !reachable.has(number) && (silentMs.get(number) ?? 0) >= options.replaceAfterMs,
  );
}

function nextMove(facts: ClusterFacts, target: Target): Plan | undefined {
  const { map, reachable } = facts;
  const moves = planReplicaMoves(
    asPlacement(map.shards.map(({ replicas }) => replicas)),
    asPlacement(target),
  )
    .map(({ shard, to, from }) => ({ shard, add: toNumber(to), remove: toNumber(from) }))
    // A replica is not moved to where nobody answers; a later look at it will find another way.
    .filter(({ add }) => add === undefined || reachable.has(add));
  const [next] = moves.toSorted((a, b) => urgency(a, map) - urgency(b, map) || a.shard - b.shard);
  return next === undefined ? undefined : step({ type: "begin-move", ...next });
}

/** Less is more urgent. */
function urgency(
  { add, remove }: { readonly add: number | undefined; readonly remove: number | undefined },
  map: ClusterMap,
): number {
  if (remove !== undefined && stateOf(map, remove) !== "active") return add === undefined ? 1 : 0;
  return remove === undefined ? 2 : 3;
}

/** A node that is to leave and keeps nothing any more. */
function nodeThatMayGo(map: ClusterMap): Plan | undefined {
  const node = map.nodes.find(
    ({ state, number }) =>
      state === "draining" && map.shards.every(({ replicas }) => !replicas.includes(number)),
  );
  return node === undefined ? undefined : step({ type: "mark-left", node: node.number });
}

/** Writes into the map who should lead, where that changed. */
function nextPreference(map: ClusterMap, target: Target): Plan | undefined {
  for (const [shard, replicas] of target.entries()) {
    const now = map.shards[shard]?.replicas ?? [];
    if (now[0] !== replicas[0] && isSameSet(now, replicas))
      return step({ type: "prefer", shard, replicas });
  }
  return undefined;
}

/** Hands a shard to the node that should lead it, once that node is well and has the whole log. */
function nextTransfer({ map, shards, reachable, settling }: ClusterFacts): Plan | undefined {
  for (const { shard, replicas } of map.shards) {
    const [to] = replicas;
    const group = shards.get(shard);
    if (to === undefined || group === undefined || group.leader === to || settling.has(shard))
      continue;
    if (group.votersOutgoing.length > 0 || !group.voters.includes(to) || !reachable.has(to))
      continue;
    if ((group.lag.get(to) ?? Number.POSITIVE_INFINITY) > TRANSFER_LAG) continue;
    return step({ type: "transfer-leader", shard, to });
  }
  return undefined;
}

/** Entries that a successor may be behind: what is under way at any moment, and soon caught up with. */
const TRANSFER_LAG = 1000;

function step(next: Step): Plan {
  return { type: "step", step: next };
}

function stateOf(map: ClusterMap, number: number): MapNode["state"] {
  return map.nodes.find((node) => node.number === number)?.state ?? "left";
}

function isSameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((one) => b.includes(one));
}

function asPlacement(replicas: readonly (readonly number[])[]): readonly (readonly string[])[] {
  return replicas.map((numbers) => numbers.map(String));
}

function toNumber(id: string | undefined): number | undefined {
  return id === undefined ? undefined : Number(id);
}
