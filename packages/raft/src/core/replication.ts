/**
 * How a leader sends its log: appends inside each member's window, snapshots to those that need
 * compacted entries, heartbeats to all.
 */

import { isMember } from "./configuration.js";
import { payloadBytes } from "./entry.js";
import { invariant } from "./errors.js";
import { earlierIndex, type NodeId, shiftIndex, toLogIndex } from "./ids.js";
import type { NodeState } from "./node-state.js";
import type { Progress } from "./progress.js";

/** Appends to every other member, empty ones too: they carry the commit index. */
export function broadcastAppend(node: NodeState): void {
  for (const [id, progress] of node.membership.progress) {
    if (id !== node.id) maybeSendAppend(node, id, progress, true);
  }
}

/** Appends to every other member that has something to receive. */
export function broadcastMissing(node: NodeState): void {
  for (const [id, progress] of node.membership.progress) {
    if (id !== node.id) maybeSendAppend(node, id, progress, false);
  }
}

/**
 * Sends the next append, or a snapshot in its place, unless the member is paused.
 * @param sendIfEmpty also when there is no entry to send
 * @returns whether something was sent
 */
export function maybeSendAppend(
  node: NodeState,
  to: NodeId,
  progress: Progress,
  sendIfEmpty: boolean,
): boolean {
  if (progress.isPaused) return false;
  const previous = shiftIndex(progress.next, -1);
  const previousTerm = node.log.term(previous);
  if (previousTerm === undefined) return maybeSendSnapshot(node, to, progress);
  // With a full window an empty append still goes out now and then. Had every message in the
  // window been lost, its refusal is what tells, and replication would otherwise stand for ever.
  const isThrottled = progress.state === "replicate" && progress.inflights.isFull;
  const entries = isThrottled
    ? []
    : node.log.entriesFrom(progress.next, node.options.maxAppendBytes);
  if (entries === undefined) {
    return sendIfEmpty ? maybeSendSnapshot(node, to, progress) : false;
  }
  if (entries.length === 0 && !sendIfEmpty) return false;
  const commit = node.log.committed;
  node.send({
    type: "append-request",
    from: node.id,
    to,
    term: node.term,
    previous: { index: previous, term: previousTerm },
    entries,
    commit,
  });
  progress.sentEntries(entries.length, payloadBytes(entries));
  progress.sentCommitIndex(commit);
  return true;
}

function maybeSendSnapshot(node: NodeState, to: NodeId, progress: Progress): boolean {
  // A snapshot is dear; a member that says nothing may be gone.
  if (!progress.recentActive) return false;
  const snapshot = node.log.snapshot();
  // One from before the member joined would be ignored by it, as it is not in there.
  if (snapshot === undefined || !isMember(snapshot.meta.config, to)) {
    node.observe({ type: "snapshot-needed", to, from: node.configChangedAt });
    return false;
  }
  invariant(snapshot.meta.index > 0, () => "the storage offers an empty snapshot");
  progress.becomeSnapshot(snapshot.meta.index);
  node.send({ type: "snapshot-request", from: node.id, to, term: node.term, snapshot });
  node.observe({ type: "snapshot-sent", to, index: snapshot.meta.index });
  return true;
}

/** Heartbeats to every other member, carrying the newest read to confirm. */
export function broadcastHeartbeat(node: NodeState): void {
  const readPosition = node.reads.position;
  for (const [to, progress] of node.membership.progress) {
    if (to === node.id) continue;
    // Never beyond what the member has: its log may differ from ours after that.
    const commit = earlierIndex(progress.match, node.log.committed);
    node.send({
      type: "heartbeat-request",
      from: node.id,
      to,
      term: node.term,
      commit,
      readPosition,
    });
    progress.sentCommitIndex(commit);
  }
}

/** Commits what a quorum has, if it is of this term. True when the commit index moved. */
export function maybeCommit(node: NodeState): boolean {
  const match = node.quorumMatch();
  // Without voters there is no quorum to ask, and nothing to commit.
  if (!Number.isSafeInteger(match)) return false;
  return node.log.maybeCommit(toLogIndex(match), node.term);
}
