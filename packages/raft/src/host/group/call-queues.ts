/** Where calls of users wait, within the limits that host and group set. */

import type { GroupContext, GroupParts } from "./group-context.js";
import type { GroupMeter } from "./group-meter.js";
import { Proposals } from "./proposals.js";
import { Reads } from "./reads.js";

export function createProposals(
  { limits }: GroupParts,
  { options, budget }: GroupContext,
  meter: GroupMeter,
): Proposals {
  const { maxAppendBytes, maxEntryBytes } = limits;
  const maxPending = options.maxPendingProposals;
  return new Proposals({ maxPending, maxBatchBytes: maxAppendBytes, maxEntryBytes }, budget, meter);
}

export function createReads({ options, ports }: GroupContext, meter: GroupMeter): Reads {
  const { maxPendingReads, electionTicks, tickMs } = options;
  const retryMs = electionTicks * tickMs;
  return new Reads({ maxPending: maxPendingReads, retryMs, random: ports.random, meter });
}
