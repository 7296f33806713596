/** What a node learns when its storage has done a task. */

import { payloadBytes, totalEntryBytes } from "./entry.js";
import { type LogIndex, laterIndex } from "./ids.js";
import type { AppendDone, ApplyDone } from "./message.js";
import type { NodeState } from "./node-state.js";
import { maybeLeaveJoint } from "./proposals.js";

/** An append task, and all before it, is durable. */
export function handleAppendDone(node: NodeState, report: AppendDone): void {
  // In a later term those entries may have been replaced, in writes that are still under way.
  if (report.last !== undefined && report.term === node.term) {
    node.log.unstable.stableTo(report.last);
  }
  // A snapshot is committed state: true in any term.
  if (report.snapshot !== undefined) {
    const { index } = report.snapshot.meta;
    node.log.unstable.stableSnapshotTo(index);
    appliedTo(node, index, 0);
  }
}

/** An apply task, and all before it, has been applied. */
export function handleApplyDone(node: NodeState, report: ApplyDone): void {
  const last = report.entries.at(-1);
  if (last === undefined) return;
  appliedTo(node, last.index, totalEntryBytes(report.entries));
  node.uncommittedBytes = Math.max(0, node.uncommittedBytes - payloadBytes(report.entries));
}

function appliedTo(node: NodeState, index: LogIndex, bytes: number): void {
  // Entries reported late may lie behind a snapshot that has been restored meanwhile.
  node.log.appliedTo(laterIndex(index, node.log.applied), bytes);
  maybeLeaveJoint(node);
}
