/** A node's status as a small table. */
import type { NodeStatus } from "@titan/client";
import type { Colors } from "./colors.js";
import { formatDuration } from "./duration.js";
import { formatCount, formatSize } from "./format.js";
import { clusterRows } from "./render-cluster.js";

export function statusText(status: NodeStatus, colors: Pick<Colors, "dim">): string {
  const { store, limits, cluster } = status;
  const rows: [string, string][] = [
    ["node", `${status.nodeId} at ${status.endpoint}`],
    ["version", status.version],
    ["up for", formatDuration(status.uptimeMs)],
    ["requests", requestsText(status)],
  ];
  if (store !== undefined) {
    rows.push(
      ["keys", formatCount(store.keys)],
      ["data", `${formatSize(store.liveBytes)} live, ${formatSize(store.deadBytes)} dead`],
      ["data files", formatCount(store.dataFiles)],
      ["disk free", formatSize(store.diskFreeBytes)],
    );
  }
  if (cluster !== undefined) rows.push(...clusterRows(cluster));
  if (limits !== undefined) {
    const batch = `batch ${formatCount(limits.batchOperations)} operations, ${formatSize(limits.batchBytes)}`;
    rows.push([
      "limits",
      `key ${formatCount(limits.keyBytes)} bytes; value ${formatSize(limits.valueBytes)}; ${batch}`,
    ]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${colors.dim(name.padEnd(width))}  ${value}\n`).join("");
}

function requestsText({ requestsInFlight, limits }: NodeStatus): string {
  const most = limits === undefined ? "" : `, at most ${formatCount(limits.concurrentRequests)}`;
  return `${formatCount(requestsInFlight)} under way${most}`;
}
