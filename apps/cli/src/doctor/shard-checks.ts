/** Whether shards are led, have the replicas that they should, and those the same data. */
import type { ClusterStatus, ShardStatus } from "@titan/client";
import {
  type Finding,
  listed,
  ok,
  orFine,
  problem,
  sentence,
  shardsNamed,
  warning,
} from "./finding.js";

/**
 * Log entries that a replica may be behind under load; the cluster's own bound for handing
 * leadership over.
 */
const LAG_ENTRIES = 1_000;

const votersOf = ({ replicas }: ShardStatus) => replicas.filter(({ voter }) => voter);
const has = (shards: readonly unknown[], one: string, many: string): string =>
  shards.length === 1 ? one : many;

export function checkLeaders({ shards }: ClusterStatus): readonly Finding[] {
  const orphans = shards.filter(({ leader }) => leader === undefined);
  if (orphans.length === 0) {
    return [ok("shard-leaders", `All ${shards.length} shards have a leader.`)];
  }
  const verb = has(orphans, "has", "have");
  return [
    problem(
      "shard-leaders",
      sentence(
        `${shardsNamed(orphans, shards.length)} ${verb} no leader: writes and linearizable reads there fail.`,
      ),
      "An election takes about a second: look again. If it stays so, a majority of the replicas is " +
        "down: start those nodes.",
    ),
  ];
}

/** What is lost first: the majority, the spare, the wanted number. */
export function checkReplicas(cluster: ClusterStatus): readonly Finding[] {
  const { shards, replicationFactor } = cluster;
  const upOf = (shard: ShardStatus): number =>
    votersOf(shard).filter(({ reachable }) => reachable).length;
  const hasMajority = (shard: ShardStatus): boolean => upOf(shard) * 2 > votersOf(shard).length;
  const isWhole = (shard: ShardStatus): boolean => upOf(shard) === votersOf(shard).length;
  const lost = shards.filter((shard) => !hasMajority(shard));
  const thin = shards.filter((shard) => hasMajority(shard) && !isWhole(shard));
  const few = shards.filter((shard) => votersOf(shard).length < replicationFactor);
  const found: Finding[] = [];
  if (lost.length > 0) {
    const verb = has(lost, "has lost the majority of its", "have lost the majority of their");
    const meaning = `${shardsNamed(lost, shards.length)} ${verb} replicas: no writes.`;
    const advice = `Start ${listed(awayFrom(lost))} again, with the data they had. Do not empty their directories.`;
    found.push(problem("replicas", sentence(meaning), advice));
  }
  if (thin.length > 0) {
    const verb = has(thin, "lacks some of its", "lack some of their");
    const meaning = `${shardsNamed(thin, shards.length)} ${verb} replicas: fewer failures can be borne.`;
    const advice = `Start ${listed(awayFrom(thin))} again before another node fails.`;
    found.push(warning("replicas", sentence(meaning), advice));
  }
  if (few.length > 0) found.push(tooFew(few, cluster));
  const each = `${replicationFactor} ${replicationFactor === 1 ? "replica" : "replicas"}`;
  return orFine(found, ok("replicas", `Every shard has its ${each}, and all of them answer.`));
}

function tooFew(
  few: readonly ShardStatus[],
  { nodes, shards, replicationFactor, balancer }: ClusterStatus,
): Finding {
  const active = nodes.filter(({ state }) => state === "active").length;
  const verb = has(few, "has", "have");
  const wanted = `fewer than the ${replicationFactor} replicas wanted`;
  const meaning = `${shardsNamed(few, shards.length)} ${verb} ${wanted}: a lost disk may cost data.`;
  const advice =
    active < replicationFactor
      ? `The cluster has ${active} ${active === 1 ? "node" : "nodes"} for them: add nodes, with titan-node --join.`
      : balancer.paused
        ? "The balancer is paused, which makes them: `titan balancer resume`."
        : "The balancer makes them, one after the other: `titan status` shows what it does or waits for.";
  return warning("replicas", sentence(meaning), advice);
}

/** Nodes whose replicas of these shards do not answer. */
function awayFrom(shards: readonly ShardStatus[]): readonly string[] {
  const away = shards.flatMap((shard) => votersOf(shard).filter(({ reachable }) => !reachable));
  return [...new Set(away.map(({ nodeId }) => nodeId))].toSorted();
}

export function checkLag({ shards }: ClusterStatus): readonly Finding[] {
  const behind = shards.flatMap(({ shard, replicas }) =>
    replicas
      .filter(({ lag, voter, reachable }) => lag >= LAG_ENTRIES && voter && reachable)
      .map(({ nodeId, lag }) => ({ shard, nodeId, lag })),
  );
  if (behind.length === 0) return [ok("lag", "No replica is far behind its leader.")];
  const nodeIds = [...new Set(behind.map(({ nodeId }) => nodeId))].toSorted();
  return nodeIds.map((nodeId) => {
    const own = behind.filter((one) => one.nodeId === nodeId);
    const most = Math.max(...own.map(({ lag }) => lag));
    const what = `${shardsNamed(own, shards.length)}, by up to ${most} entries`;
    const meaning = `${nodeId} is behind with ${what}: reads there wait.`;
    const advice =
      "It catches up by itself after a restart. If that does not shrink, its disk, processor or " +
      "network is too slow.";
    return warning("lag", meaning, advice);
  });
}

export function checkDivergence({ divergent }: ClusterStatus): readonly Finding[] {
  return divergent.map(({ shard, nodeId }) =>
    problem(
      "divergence",
      `The replica of shard ${shard} on ${nodeId} holds other data than the majority's.`,
      `The cluster replaces it where a majority agrees. Check the disk and memory of ${nodeId}, and its log.`,
    ),
  );
}
