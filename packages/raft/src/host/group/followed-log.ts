/**
 * From where on the log is still needed by members that get a snapshot, or got one just now: what follows
 * on from it must stay, or by the time that they have it they need the next.
 */

import type { LogIndex } from "../../core/ids.js";
import { shiftIndex } from "../../core/ids.js";
import type { NodeStatus } from "../../core/status.js";

/**
 * @param sent index of the oldest snapshot that is being sent, or whose transfer broke off
 * @returns the last index that nobody needs; undefined when nobody needs any
 */
export function unneededThrough(
  { firstIndex, members }: Pick<NodeStatus, "firstIndex" | "members">,
  sent: LogIndex | undefined,
): LogIndex | undefined {
  const needed = sent === undefined ? [] : [sent];
  for (const { state, next, recentActive } of members) {
    // One that probes has just had its snapshot; one that says nothing may never come back.
    const isFollowing = state === "snapshot" || (state === "probe" && recentActive);
    if (isFollowing) needed.push(shiftIndex(next, -1));
  }
  // What the log has left behind already is of no use.
  return needed.filter((index) => index + 1 >= firstIndex).sort((a, b) => a - b)[0];
}
