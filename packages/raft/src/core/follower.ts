/** A node that follows a leader, or waits for one. */

import { startElection } from "./election.js";
import { invariant, type RaftErrorCode } from "./errors.js";
import { handleAppend, handleHeartbeat, handleSnapshot } from "./following.js";
import type { ProposeRequest, RoleMessage } from "./message.js";
import type { NodeState } from "./node-state.js";

/** A message of the follower's own term. */
export function stepFollower(node: NodeState, message: RoleMessage): RaftErrorCode | undefined {
  switch (message.type) {
    case "append-request":
      heardFrom(node, message.from);
      handleAppend(node, message);
      return undefined;
    case "heartbeat-request":
      heardFrom(node, message.from);
      handleHeartbeat(node, message);
      return undefined;
    case "snapshot-request":
      heardFrom(node, message.from);
      handleSnapshot(node, message);
      return undefined;
    case "propose-request":
      return forwardProposal(node, message);
    case "read-request":
      if (node.leader === undefined) return "RAFT_NO_LEADER";
      node.send({ ...message, to: node.leader });
      return undefined;
    case "read-response":
      node.readStates.push({ context: message.context, index: message.index });
      return undefined;
    case "transfer-request":
      if (node.leader === undefined) return "RAFT_NO_LEADER";
      node.send({ ...message, from: node.id, to: node.leader, term: node.term });
      return undefined;
    case "timeout-now":
      // The leader asked for it, so there is no need to find out whether anyone minds.
      startElection(node, "transfer");
      return undefined;
    case "append-response":
    case "heartbeat-response":
    case "vote-response":
    case "pre-vote-response":
    default:
      // Answers to what this node asked as leader or candidate.
      return undefined;
  }
}

function heardFrom(node: NodeState, leader: RoleMessage["from"]): void {
  const { leader: known, term } = node;
  // Two leaders in a term: some vote was given twice, and nothing is certain any more (§5.2).
  invariant(
    known === undefined || known === leader,
    () => `${known} and ${leader} lead term ${term}`,
  );
  node.electionElapsed = 0;
  node.leader = leader;
}

function forwardProposal(node: NodeState, message: ProposeRequest): RaftErrorCode | undefined {
  if (node.leader === undefined) return "RAFT_NO_LEADER";
  if (!node.options.forwardProposals) return "RAFT_NOT_LEADER";
  node.send({ ...message, to: node.leader });
  return undefined;
}

/**
 * Lets go of the leader without leaving the term, so that this node may grant votes at once. The
 * election timeout runs on.
 */
export function forgetLeader(node: NodeState): RaftErrorCode | undefined {
  if (node.role !== "follower") return undefined;
  // Leases rest on followers ignoring campaigns for a while after hearing the leader.
  const isBound = node.options.readMode === "lease" || node.lease !== undefined;
  if (isBound) return "RAFT_LEASE_READS";
  node.leader = undefined;
  return undefined;
}
