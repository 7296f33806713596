/**
 * What hosts ask to be written, checked against the log and turned into records.
 *
 * Checks run against what has been accepted, which may be ahead of what is on disk: batches are
 * written in the order in which they were accepted.
 */

import type { ConfigState } from "../core/configuration.js";
import type { Entry } from "../core/entry.js";
import type { LogIndex } from "../core/ids.js";
import type { HardState, Snapshot } from "../core/storage.js";
import { RaftWalError } from "./errors.js";
import type { GroupLog } from "./group-log.js";
import type { WalRecord } from "./record.js";

/** Changes of one group, in the order of these fields. */
export type GroupUpdate =
  | {
      readonly group: number;
      /** Replaces the stored one. */
      readonly hardState?: HardState;
      /** A snapshot from elsewhere: replaces the log, and config. */
      readonly installSnapshot?: Snapshot;
      /** Replace the log from the first one's index on; contiguous, ascending. */
      readonly entries?: readonly Entry[];
      /** Who is in the group, as `initialState` is to answer; also founds a group. */
      readonly config?: ConfigState;
      /** A snapshot made from this log; the log stays. */
      readonly saveSnapshot?: Snapshot;
      /** Forget entries up to and including this index, which must be durable. */
      readonly compactTo?: LogIndex;
    }
  | {
      readonly group: number;
      /** The group and all of its log go. */
      readonly remove: true;
    };

/** The end of a group's log as it will be once all accepted batches are written. */
export interface AcceptedState {
  last: number;
  compacted: number;
  snapshot: number;
  term: number;
  vote: number | undefined;
}

export function acceptedStateOf(log: GroupLog): AcceptedState {
  const { hardState } = log;
  return {
    last: log.lastIndex(),
    compacted: log.compacted.index,
    snapshot: log.snapshot()?.meta.index ?? 0,
    term: hardState.term,
    vote: hardState.vote,
  };
}

/**
 * The records of `update`; `accepted` then says how things will be.
 * @throws RaftWalError `RAFT_WAL_INVALID_UPDATE`; `accepted` may then be half changed
 */
export function toRecords(
  update: GroupUpdate,
  log: GroupLog,
  accepted: AcceptedState,
  maxSnapshotDataBytes: number,
): WalRecord[] {
  const { group } = update;
  const records: WalRecord[] = [];
  if ("remove" in update) {
    Object.assign(accepted, { last: 0, compacted: 0, snapshot: 0, term: 0, vote: undefined });
    return [{ kind: "remove", group }];
  }
  const { hardState, installSnapshot, entries, config, saveSnapshot, compactTo } = update;
  if (hardState !== undefined) {
    acceptHardState(group, hardState, accepted);
    records.push({ kind: "hard-state", group, hardState });
  }
  if (installSnapshot !== undefined) {
    assertSnapshotFits(group, installSnapshot, maxSnapshotDataBytes);
    acceptInstall(group, installSnapshot, accepted);
    records.push({ kind: "install", group, snapshot: installSnapshot });
  }
  if (entries !== undefined && entries.length > 0) {
    const fresh = acceptEntries(group, entries, accepted);
    if (fresh.length > 0) records.push({ kind: "entries", group, entries: fresh });
  }
  if (config !== undefined) records.push({ kind: "config", group, config });
  if (saveSnapshot !== undefined) {
    assertSnapshotFits(group, saveSnapshot, maxSnapshotDataBytes);
    const { index } = saveSnapshot.meta;
    if (index <= accepted.snapshot || index > accepted.last) {
      throw invalid(group, `a snapshot at ${index} of a log that ends at ${accepted.last}`);
    }
    accepted.snapshot = index;
    records.push({ kind: "snapshot", group, snapshot: saveSnapshot });
  }
  if (compactTo !== undefined) {
    const term = compactTo > accepted.compacted ? log.term(compactTo) : undefined;
    if (term === undefined) throw invalid(group, `compaction to ${compactTo}, no durable entry`);
    accepted.compacted = compactTo;
    accepted.last = Math.max(accepted.last, compactTo);
    records.push({ kind: "compact", group, position: { index: compactTo, term } });
  }
  return records;
}

/** Invariant: the term never goes back, and a vote is never changed within its term (figure 2). */
function acceptHardState(group: number, next: HardState, accepted: AcceptedState): void {
  if (next.term < accepted.term) {
    throw invalid(group, `term ${next.term} after term ${accepted.term}`);
  }
  const hasVoted = next.term === accepted.term && accepted.vote !== undefined;
  if (hasVoted && next.vote !== accepted.vote) {
    const vote = next.vote ?? "nobody";
    throw invalid(group, `vote for ${vote} after ${accepted.vote} in term ${next.term}`);
  }
  accepted.term = next.term;
  accepted.vote = next.vote;
}

function acceptInstall(group: number, { meta }: Snapshot, accepted: AcceptedState): void {
  if (meta.index <= accepted.snapshot || meta.index < accepted.compacted) {
    throw invalid(group, `a snapshot at ${meta.index}, older than the one at ${accepted.snapshot}`);
  }
  accepted.last = meta.index;
  accepted.compacted = meta.index;
  accepted.snapshot = meta.index;
}

/** Entries that are compacted already are left out, as the core's own storage does. */
function acceptEntries(
  group: number,
  entries: readonly Entry[],
  accepted: AcceptedState,
): readonly Entry[] {
  const first = entries[0]?.index ?? 0;
  let before: Entry | undefined;
  for (const entry of entries) {
    if (before !== undefined && entry.index !== before.index + 1) {
      throw invalid(group, `entry ${entry.index} right after ${before.index}`);
    }
    if (entry.term < 1 || entry.term < (before?.term ?? 1)) {
      throw invalid(group, `entry ${entry.index} of term ${entry.term}`);
    }
    before = entry;
  }
  const fresh =
    first > accepted.compacted
      ? entries
      : entries.filter((entry) => entry.index > accepted.compacted);
  const start = fresh[0]?.index;
  if (start === undefined) return fresh;
  if (start > accepted.last + 1) {
    throw invalid(group, `entry ${start} after a log that ends at ${accepted.last}`);
  }
  accepted.last = before?.index ?? accepted.last;
  return fresh;
}

function assertSnapshotFits(group: number, { data }: Snapshot, maxBytes: number): void {
  if (data.length <= maxBytes) return;
  throw invalid(
    group,
    `${data.length} bytes of snapshot data; maxSnapshotDataBytes is ${maxBytes}`,
  );
}

export function invalid(group: number, what: string): RaftWalError {
  return new RaftWalError({ code: "RAFT_WAL_INVALID_UPDATE", message: `group ${group}: ${what}` });
}
