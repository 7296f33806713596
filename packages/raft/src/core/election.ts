/** Campaigns and votes (Raft paper §5.2, §5.4.1; thesis §9.6 for the vote before the vote). */

import { isConfigEntry } from "./entry.js";
import type { LogPosition } from "./ids.js";
import { toTerm } from "./ids.js";
import type { VoteRequest } from "./message.js";
import type { NodeState } from "./node-state.js";
import { voterIds } from "./quorum.js";

export type CampaignKind = "pre-vote" | "election" | "transfer";

/** Starts a campaign if this node may have one. */
export function startElection(node: NodeState, kind: CampaignKind): void {
  if (node.role === "leader" || !node.isPromotable || !node.isEligible) return;
  if (kind !== "transfer" && node.lease?.isGranted() === true) return;
  // Under the configuration that is about to apply, others may decide.
  if (node.log.applied < node.log.committed && node.log.someUnapplied(isConfigEntry)) return;
  campaign(node, kind);
}

/** Asks all voters, itself included: its own vote counts once it is durable, like any other. */
export function campaign(node: NodeState, kind: CampaignKind): void {
  const isPreVote = kind === "pre-vote";
  if (isPreVote) node.becomePreCandidate();
  else node.becomeCandidate();
  const term = isPreVote ? toTerm(node.term + 1) : node.term;
  node.observe({ type: "campaigning", term, isPreVote });
  const last = node.log.lastPosition();
  for (const to of voterIds(node.membership.config.voters)) {
    if (to === node.id) {
      const type = isPreVote ? "pre-vote-response" : "vote-response";
      node.sendAfterAppend({ type, from: node.id, to, term, granted: true });
      continue;
    }
    node.send({
      type: isPreVote ? "pre-vote-request" : "vote-request",
      from: node.id,
      to,
      term,
      last,
      isTransfer: kind === "transfer",
      priority: node.options.priority,
      ...knownCommit(node),
    });
  }
}

/**
 * Whether this node has reason to think that its leader lives, or has promised to wait, and so
 * ignores campaigns. A leadership transfer is no campaign against the leader.
 */
export function isUnderLease(node: NodeState, request: VoteRequest): boolean {
  if (request.isTransfer) return false;
  const { checkQuorum, electionTicks } = node.options;
  const heardLately = node.leader !== undefined && node.electionElapsed < electionTicks;
  return (checkQuorum && heardLately) || node.lease?.isGranted() === true;
}

/** Answers a campaign. Learners vote as well: they may have been promoted without knowing it yet. */
export function answerVote(node: NodeState, request: VoteRequest): void {
  const isPreVote = request.type === "pre-vote-request";
  const isFree = node.vote === undefined && node.leader === undefined;
  const canVote = node.vote === request.from || isFree || (isPreVote && request.term > node.term);
  const isFit = !node.hasForgottenGroup && node.log.isUpToDate(request.last);
  const granted = canVote && isFit && !isOutranked(node, request);
  const type = isPreVote ? "pre-vote-response" : "vote-response";
  // A grant names the term asked about, as an asker that has fallen behind in terms would take an
  // older one for stale; a refusal names our own, from which the asker may learn.
  const term = granted ? request.term : node.term;
  const commit = granted ? {} : knownCommit(node);
  node.sendAfterAppend({ type, from: node.id, to: request.from, term, granted, ...commit });
  node.observe({ type: "voted", candidate: request.from, granted, isPreVote });
  if (granted && !isPreVote) {
    node.electionElapsed = 0;
    node.vote = request.from;
  }
}

/** What to tell others in an election. */
export function knownCommit(node: NodeState): { readonly committed?: LogPosition } {
  const index = node.log.committed;
  const term = node.log.term(index);
  if (!node.options.shareCommitInElections || term === undefined || index === 0) return {};
  return { committed: { index, term } };
}

/**
 * Somebody knows that `committed` is. If this log has it, so are all entries up to it (log matching,
 * Raft paper §5.3), in whatever term one hears of it. A campaign ends where that brings in a
 * configuration change, as it was started under another configuration.
 */
export function learnCommit(node: NodeState, committed: LogPosition | undefined): void {
  if (committed === undefined || node.role === "leader") return;
  if (committed.index <= node.log.committed || !node.log.has(committed)) return;
  node.log.commitTo(committed.index);
  if (node.role !== "follower" && node.log.someUnapplied(isConfigEntry)) {
    node.becomeFollower(node.term, undefined);
  }
}

/**
 * With equally good logs, a node does not elect one of lower priority, provided that it could
 * lead itself. A longer log wins whatever its priority, so that a group is never without leader
 * for reasons of taste.
 */
function isOutranked(node: NodeState, request: VoteRequest): boolean {
  if (request.isTransfer || !node.isPromotable || !node.isEligible) return false;
  return (
    request.priority < node.options.priority && isSameEnd(node.log.lastPosition(), request.last)
  );
}

function isSameEnd(a: LogPosition, b: LogPosition): boolean {
  return a.index === b.index && a.term === b.term;
}
