/**
 * What the core reads from stable storage, and the records that live there.
 *
 * The core never writes: it hands out append tasks (see `ready.ts`). Until an append is reported
 * done, reads of its entries are answered from memory, so the storage may show them late.
 */

import type { ConfigState } from "./configuration.js";
import type { Entry } from "./entry.js";
import type { LogIndex, LogPosition, NodeId, Term } from "./ids.js";

/** What must survive a crash beside the log (Raft paper, figure 2: persistent state). */
export interface HardState {
  readonly term: Term;
  /** Whom this node voted for in `term`. Never cleared within a term. */
  readonly vote: NodeId | undefined;
  /** May lag behind what was last known: it is only a hint at restart. */
  readonly commit: LogIndex;
  /**
   * Where the log ended that this node had as a member before, and was removed with it. Until its log is as
   * good again it neither leads nor votes. Never cleared. Absent: it has forgotten nothing.
   */
  readonly forgotten?: LogPosition | undefined;
}

/** Where a snapshot stands and who was in the group at that point. */
export interface SnapshotMeta {
  readonly index: LogIndex;
  readonly term: Term;
  readonly config: ConfigState;
}

/** The state machine up to `meta.index`, or whatever the host needs to fetch it. */
export interface Snapshot {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
}

/**
 * Synchronous view of one group's stable log. The log covers `[firstIndex, lastIndex]`; the term
 * of `firstIndex - 1` is known too, as the point that compaction left behind.
 */
export interface LogStorage {
  /**
   * What was stored when the process stopped. Read once. The configuration is the one in force at
   * the index that the node starts applying from: a host whose state machine is ahead of its last
   * snapshot stores each configuration that it applies, or a node would come back with members
   * that were replaced long ago.
   */
  initialState(): { readonly hardState: HardState; readonly config: ConfigState };
  /** Index of the first entry that can be read; one past the last when there is none. */
  firstIndex(): LogIndex;
  /** Index of the last entry; that of the snapshot, or 0, when there is none. */
  lastIndex(): LogIndex;
  /** Term of the entry at `index`, within `[firstIndex - 1, lastIndex]`; undefined outside. */
  term(index: LogIndex): Term | undefined;
  /**
   * Entries in `[low, high)`, cut after `maxBytes` (by `entryBytes`) but never to nothing.
   * @throws RaftError `RAFT_LOG_COMPACTED` when `low` is before `firstIndex`,
   *   `RAFT_LOG_UNAVAILABLE` when `high` is beyond `lastIndex + 1`
   */
  entries(low: LogIndex, high: LogIndex, maxBytes: number): readonly Entry[];
  /**
   * A snapshot to send to a member that has fallen behind; undefined while none is ready. It must
   * not be older than the change that brought the member in: hosts make a new one when the
   * observer is told `snapshot-needed`.
   */
  snapshot(): Snapshot | undefined;
}
