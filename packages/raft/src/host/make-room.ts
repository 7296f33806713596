/** Which logs to cut when the index of all of them is full. */

import type { HostedGroup } from "./group/hosted-group.js";

/**
 * Has logs cut, the longest first, until half of all entries that can go are on their way. Cheaper than to
 * cut all, and what it leaves is halved again should it not do.
 * @param keepsFollowed whether what members with a snapshot under way follow on from stays
 */
export function makeRoom(groups: Iterable<HostedGroup>, keepsFollowed: boolean): void {
  const running = [...groups].filter(({ state }) => state === "running");
  const lengths = running
    .map((group) => ({ group, length: group.applied.index - group.compaction.firstIndex + 1 }))
    .sort((a, b) => b.length - a.length);
  const total = lengths.reduce((sum, { length }) => sum + length, 0);
  let gone = 0;
  for (const { group, length } of lengths) {
    if (length === 0 || gone * 2 >= total) return;
    // One that is at it already, or cannot, must not keep the others from it.
    if (group.compaction.shorten(group, keepsFollowed)) gone += length;
  }
}
