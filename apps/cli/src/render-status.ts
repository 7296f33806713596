/** A node's status as a small table. */
import type { NodeStatus } from "@titan/client";
import type { Colors } from "./colors.js";
import { formatDuration } from "./duration.js";

const SIZE_UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `512 bytes`, `1.5 KiB`, `64 MiB`. */
export function formatSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < SIZE_UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const shown = unit === 0 || Number.isInteger(size) ? size.toFixed(0) : size.toFixed(1);
  return `${shown} ${SIZE_UNITS[unit] ?? ""}`;
}

/** `1,234,567`, whatever the locale. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

export function statusText(status: NodeStatus, colors: Pick<Colors, "dim">): string {
  const { store, limits } = status;
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
