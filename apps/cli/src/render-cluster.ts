/** A cluster in text: rows of a node's status, and tables of members and shards. */
import type { ClusterStatus, KeyspaceInfo, ShardStatus } from "@titan/client";
import type { Colors } from "./colors.js";
import { formatCount, formatSize } from "./format.js";
import { table } from "./table.js";

/** What a node says of its cluster, as rows of its status. */
export function clusterRows(cluster: ClusterStatus): [string, string][] {
  const { nodes, shards, balancer, divergent } = cluster;
  const rows: [string, string][] = [
    ["cluster", `${cluster.clusterId}, epoch ${cluster.epoch}`],
    ["nodes", nodesText(cluster)],
    [
      "shards",
      `${shards.length} with ${counted(cluster.replicationFactor, "replica")}${leadersText(cluster)}`,
    ],
    ["balancer", balancer.paused ? "paused" : balancer.activity || "not known"],
  ];
  if (nodes.length === 1) rows.splice(1, 1);
  if (divergent.length > 0) {
    const places = divergent.map(({ shard, nodeId }) => `shard ${shard} on ${nodeId}`).join(", ");
    rows.push(["DIVERGED", `${places}: not the data of the majority`]);
  }
  return rows;
}

function nodesText({ nodes }: ClusterStatus): string {
  const away = nodes.filter(({ reachable }) => !reachable).map(({ nodeId }) => nodeId);
  const leaving = nodes.filter(({ state }) => state === "draining").map(({ nodeId }) => nodeId);
  return [
    nodes.map(({ nodeId }) => nodeId).join(", "),
    ...(away.length > 0 ? [`not reachable: ${away.join(", ")}`] : []),
    ...(leaving.length > 0 ? [`leaving: ${leaving.join(", ")}`] : []),
  ].join("; ");
}

function leadersText({ shards }: ClusterStatus): string {
  const orphans = shards.filter(({ leader }) => leader === undefined).map(({ shard }) => shard);
  const moving = shards.filter(({ move }) => move !== undefined).length;
  const wrong = orphans.length > 0 ? `; without leader: ${orphans.join(", ")}` : "";
  return `${wrong}${moving > 0 ? `; ${counted(moving, "replica")} on the move` : ""}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

export function keyspacesText(
  keyspaces: readonly KeyspaceInfo[],
  colors: Pick<Colors, "dim">,
): string {
  const rows = keyspaces.map(({ name, defaultTtlMs }) => [
    name,
    defaultTtlMs === undefined ? "do not expire" : `live ${defaultTtlMs} ms`,
  ]);
  return table(["KEYSPACE", "VALUES"], rows, colors);
}

export function membersText({ nodes }: ClusterStatus, colors: Pick<Colors, "dim" | "red">): string {
  const head = [
    "NODE",
    "CLIENTS",
    "NODES",
    "ZONE",
    "WEIGHT",
    "REPLICAS",
    "LEADS",
    "CLOCK",
    "STATE",
  ];
  const rows = nodes.map((node) => [
    ...[node.nodeId, node.grpcAddr, node.raftAddr, node.zone || "-", `${node.weight}`],
    ...(node.reachable
      ? [`${node.replicas}`, `${node.leads}`, `${signed(node.clockOffsetMs)} ms`]
      : ["?", "?", "?"]),
    stateText(node, colors),
  ]);
  return table(head, rows, colors);
}

function stateText(
  { reachable, state }: ClusterStatus["nodes"][number],
  { red }: Pick<Colors, "red">,
): string {
  if (!reachable) return red("not reachable");
  return state === "draining" ? "leaving" : "active";
}

function signed(number: number): string {
  return number > 0 ? `+${number}` : `${number}`;
}

export function shardsText({ shards }: ClusterStatus, colors: Pick<Colors, "dim" | "red">): string {
  const head = ["SHARD", "LEADER", "REPLICAS", "KEYS", "DATA", "REVISION", "MOVE"];
  const rows = shards.map((shard) => [
    ...[`${shard.shard}`, shard.leader ?? colors.red("none"), replicasText(shard, colors)],
    ...[formatCount(shard.keys), formatSize(shard.liveBytes), `${shard.commitIndex}`],
    moveText(shard),
  ]);
  return table(head, rows, colors);
}

function replicasText({ replicas }: ShardStatus, { red }: Pick<Colors, "red">): string {
  const shown = replicas.map(({ nodeId, voter, lag, reachable }) => {
    if (!reachable) return red(`${nodeId} (not reachable)`);
    const notes = [...(voter ? [] : ["catching up"]), ...(lag > 0 ? [`${lag} behind`] : [])];
    return notes.length === 0 ? nodeId : `${nodeId} (${notes.join(", ")})`;
  });
  return shown.join(" ");
}

function moveText({ move }: ShardStatus): string {
  return move === undefined ? "" : `${move.from ?? ""} → ${move.to ?? ""}`.trim();
}
