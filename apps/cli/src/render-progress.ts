/** How far work is, on one short line: a bar where the end is known, else what was done. */
import { formatDuration } from "./duration.js";
import { formatCount, formatSize } from "./format.js";
import type { Progress } from "./report.js";

const BAR_WIDTH = 24;

/** `[######------------------]  25%  1,200 keys  400/s  9s left` or `1,200 keys  3 MiB  400/s`. */
export function progressText({ entries, bytes, totalBytes, elapsedMs }: Progress): string {
  const keys = `${formatCount(entries)} key${entries === 1 ? "" : "s"}`;
  const rate = `${formatCount(Math.round((entries * 1_000) / Math.max(1, elapsedMs)))}/s`;
  if (totalBytes === undefined || totalBytes === 0) {
    return [keys, formatSize(bytes), rate].join("  ");
  }
  // A file that grows meanwhile is not done twice over.
  const share = Math.min(1, bytes / totalBytes);
  const full = Math.floor(share * BAR_WIDTH);
  const bar = `[${"#".repeat(full)}${"-".repeat(BAR_WIDTH - full)}]`;
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const left =
    share === 0 || share === 1 ? "" : `${formatDuration(elapsedMs / share - elapsedMs)} left`;
  return [bar, percent, keys, rate, left].join("  ").trimEnd();
}
