/** A leader: what it does with messages of its own term, and with time. */

import { invariant, type RaftErrorCode } from "./errors.js";
import { INDEX_ZERO, type NodeId } from "./ids.js";
import { acceptRead, releaseConfirmedReads, releaseReadsBeforeCommit } from "./leader-reads.js";
import type { AppendResponse, HeartbeatResponse, RoleMessage } from "./message.js";
import type { NodeState } from "./node-state.js";
import type { Progress } from "./progress.js";
import { acceptProposal } from "./proposals.js";
import { broadcastAppend, maybeCommit, maybeSendAppend } from "./replication.js";

/** A message of the leader's own term. */
export function stepLeader(node: NodeState, message: RoleMessage): RaftErrorCode | undefined {
  switch (message.type) {
    case "propose-request":
      return acceptProposal(node, message.entries)?.code;
    case "read-request":
      return acceptRead(node, message);
    case "transfer-request":
      transferLeadership(node, message.transferee);
      return undefined;
    case "append-response":
      // Nobody can have, in this term, what its leader does not have.
      if (message.index > node.log.lastIndex()) return "RAFT_BAD_MESSAGE";
      withProgress(node, message.from, (progress) => {
        progress.recentActive = true;
        if (message.rejectedHint === undefined) handleAcknowledged(node, progress, message);
        else handleRejected(node, progress, message, message.rejectedHint);
      });
      return undefined;
    case "heartbeat-response":
      withProgress(node, message.from, (progress) =>
        handleHeartbeatResponse(node, progress, message),
      );
      return undefined;
    case "append-request":
    case "heartbeat-request":
    case "snapshot-request":
      return secondLeader(node, message.from);
    case "vote-response":
    case "pre-vote-response":
    case "read-response":
    case "timeout-now":
    default:
      // Late answers and orders to the candidate or follower that this node was.
      return undefined;
  }
}

/** Two leaders in a term: some vote was given twice, and nothing is certain any more (§5.2). */
function secondLeader(node: NodeState, other: NodeId): RaftErrorCode | undefined {
  invariant(other === node.id, () => `${other} also leads in term ${node.term}`);
  return "RAFT_BAD_MESSAGE";
}

function withProgress(node: NodeState, id: NodeId, act: (progress: Progress) => void): void {
  const progress = node.progressOf(id);
  if (progress !== undefined) act(progress);
}

/**
 * An append was refused. The hint says where the member's log may match; entries of ours with a
 * later term than the hint's cannot be there, so skip those too (Raft paper §5.3, last part).
 */
function handleRejected(
  node: NodeState,
  progress: Progress,
  response: AppendResponse,
  hint: NonNullable<AppendResponse["rejectedHint"]>,
): void {
  const probe = hint.term > 0 ? node.log.guessMatch(hint).index : hint.index;
  if (!progress.maybeDecrease(response.index, probe)) return;
  if (progress.state === "replicate") progress.becomeProbe();
  maybeSendAppend(node, response.from, progress, true);
}

function handleAcknowledged(node: NodeState, progress: Progress, response: AppendResponse): void {
  const { from, index } = response;
  // An answer that confirms what is known still ends a probe.
  const endsProbe = progress.state === "probe" && progress.match === index;
  if (!progress.maybeUpdate(index) && !endsProbe) return;
  if (progress.state === "probe") {
    progress.becomeReplicate();
  } else if (progress.state === "snapshot" && progress.match + 1 >= node.log.firstIndex()) {
    // Whatever snapshot it was that the member got: the log can take over from there.
    progress.becomeProbe();
    progress.becomeReplicate();
  } else if (progress.state === "snapshot" && progress.match >= progress.pendingSnapshot) {
    // It has the snapshot, and the log has been cut behind that meanwhile: it needs a later one.
    progress.becomeProbe();
  } else if (progress.state === "replicate") {
    progress.inflights.freeThrough(index);
  }

  if (maybeCommit(node)) {
    releaseReadsBeforeCommit(node);
    broadcastAppend(node);
  } else if (from !== node.id && progress.canBumpCommit(node.log.committed)) {
    maybeSendAppend(node, from, progress, true);
  }
  // The window has opened, by more than one message perhaps. Fill it.
  if (from !== node.id) {
    while (maybeSendAppend(node, from, progress, false));
  }
  if (from === node.transferee && progress.match === node.log.lastIndex()) {
    sendTimeoutNow(node, from);
  }
}

function handleHeartbeatResponse(
  node: NodeState,
  progress: Progress,
  response: HeartbeatResponse,
): void {
  progress.recentActive = true;
  progress.isFlowPaused = false;
  // One that lags may have lost messages; one that is probed may have the answer to it lost.
  if (progress.match < node.log.lastIndex() || progress.state === "probe") {
    maybeSendAppend(node, response.from, progress, true);
  }
  if (response.readPosition === 0) return;
  node.reads.acknowledge(response.from, response.readPosition);
  releaseConfirmedReads(node);
}

/** Steps down when a quorum has been silent since the last call. */
export function checkQuorum(node: NodeState): void {
  if (!node.isQuorumActive()) {
    node.observe({ type: "quorum-lost", term: node.term });
    node.becomeFollower(node.term, undefined);
  }
  for (const [id, progress] of node.membership.progress) {
    if (id !== node.id) progress.recentActive = false;
  }
}

/** The transport could not deliver to `id`: what was under way is probably lost. */
export function handleUnreachable(node: NodeState, id: NodeId): void {
  const progress = node.progressOf(id);
  if (progress?.state === "replicate") progress.becomeProbe();
}

/** The host has finished sending a snapshot to `id`, or failed to. */
export function handleSnapshotStatus(node: NodeState, id: NodeId, delivered: boolean): void {
  const progress = node.progressOf(id);
  if (progress?.state !== "snapshot") return;
  // A snapshot that failed is no place to probe from.
  if (!delivered) progress.pendingSnapshot = INDEX_ZERO;
  progress.becomeProbe();
  // Delivered: its answer will unpause. Failed: try again no sooner than the next heartbeat.
  progress.isFlowPaused = true;
}

/** Hands leadership over (Raft thesis §3.10): bring `transferee` up to date, then let it campaign. */
export function transferLeadership(node: NodeState, transferee: NodeId): void {
  const progress = node.progressOf(transferee);
  if (progress === undefined || progress.isLearner) return;
  if (node.transferee === transferee) return;
  node.transferee = undefined;
  if (transferee === node.id) return;
  // It has one election timeout to succeed, counted apart from the checks of the quorum: else a leader that
  // tries again and again, as one with a sick disk does, would never find out that its quorum is gone.
  node.transferElapsed = 0;
  node.transferee = transferee;
  if (progress.match === node.log.lastIndex()) sendTimeoutNow(node, transferee);
  else maybeSendAppend(node, transferee, progress, true);
}

function sendTimeoutNow(node: NodeState, to: NodeId): void {
  node.hasInvitedSuccessor = true;
  node.send({ type: "timeout-now", from: node.id, to, term: node.term });
}
