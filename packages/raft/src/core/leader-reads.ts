/** Linearizable reads at the leader (Raft thesis §6.4). */

import type { RaftErrorCode } from "./errors.js";
import type { LogIndex, NodeId } from "./ids.js";
import type { ReadRequest } from "./message.js";
import type { NodeState } from "./node-state.js";
import { broadcastHeartbeat } from "./replication.js";

/** Takes in a read of this node's own or of a follower. */
export function acceptRead(node: NodeState, request: ReadRequest): RaftErrorCode | undefined {
  const waiting = node.reads.size + node.readsBeforeCommit.length;
  if (waiting >= node.options.maxPendingReads) return "RAFT_READ_BACKLOG_FULL";
  // What a leader inherits may be committed without its knowing, until it commits itself.
  if (!hasCommittedInTerm(node)) node.readsBeforeCommit.push(request);
  else confirmRead(node, request);
  return undefined;
}

/** Whether this leader has committed an entry of its own term. */
export function hasCommittedInTerm(node: NodeState): boolean {
  return node.log.term(node.log.committed) === node.term;
}

/** To call whenever the commit index has moved. */
export function releaseReadsBeforeCommit(node: NodeState): void {
  if (node.readsBeforeCommit.length === 0 || !hasCommittedInTerm(node)) return;
  const requests = node.readsBeforeCommit;
  node.readsBeforeCommit = [];
  for (const request of requests) confirmRead(node, request);
}

/** Answers the reads that a quorum has confirmed by now. */
export function releaseConfirmedReads(node: NodeState): void {
  for (const read of node.reads.takeConfirmed(node.membership.config.voters)) {
    answerRead(node, read, read.index);
  }
}

function confirmRead(node: NodeState, request: ReadRequest): void {
  const { from, context } = request;
  if (node.isOnlyVoter || holdsLease(node)) {
    answerRead(node, request, node.log.committed);
    return;
  }
  node.reads.add({ from, context, index: node.log.committed });
  node.reads.acknowledge(node.id, node.reads.position);
  broadcastHeartbeat(node);
}

/**
 * Whether nobody else can lead by now. Not once a successor has been invited: voters look past their
 * promises for it, whenever in the term its campaign reaches them.
 */
export function holdsLease(node: NodeState): boolean {
  if (node.role !== "leader" || node.hasInvitedSuccessor) return false;
  return node.options.readMode === "lease" || node.lease?.isHeld(node.term) === true;
}

function answerRead(
  node: NodeState,
  asker: { readonly from: NodeId; readonly context: number },
  index: LogIndex,
): void {
  const { from, context } = asker;
  if (from === node.id) {
    node.readStates.push({ context, index });
    return;
  }
  node.send({ type: "read-response", from: node.id, to: from, term: node.term, context, index });
}
