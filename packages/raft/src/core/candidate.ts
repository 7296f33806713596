/** A node that campaigns, for real or before that for a pre-vote. */

import { campaign } from "./election.js";
import type { RaftErrorCode } from "./errors.js";
import { handleAppend, handleHeartbeat, handleSnapshot } from "./following.js";
import type { RoleMessage, VoteResponse } from "./message.js";
import type { NodeState } from "./node-state.js";
import { broadcastAppend } from "./replication.js";

/** A message of the candidate's own term. */
export function stepCandidate(node: NodeState, message: RoleMessage): RaftErrorCode | undefined {
  switch (message.type) {
    case "propose-request":
    case "read-request":
      return "RAFT_NO_LEADER";
    case "append-request":
      node.becomeFollower(message.term, message.from);
      handleAppend(node, message);
      return undefined;
    case "heartbeat-request":
      node.becomeFollower(message.term, message.from);
      handleHeartbeat(node, message);
      return undefined;
    case "snapshot-request":
      node.becomeFollower(message.term, message.from);
      handleSnapshot(node, message);
      return undefined;
    case "vote-response":
    case "pre-vote-response":
      countVote(node, message);
      return undefined;
    case "append-response":
    case "heartbeat-response":
    case "read-response":
    case "timeout-now":
    case "transfer-request":
    default:
      // Meant for the leader or follower that this node no longer is.
      return undefined;
  }
}

function countVote(node: NodeState, message: VoteResponse): void {
  // Answers to the pre-vote may still come in while the real vote is on, and mean nothing there.
  const isOurs = (node.role === "pre-candidate") === (message.type === "pre-vote-response");
  if (!isOurs) return;
  if (!node.votes.has(message.from)) node.votes.set(message.from, message.granted);
  const result = node.tally();
  if (result === "lost") {
    // A refused pre-vote changes no term either.
    node.becomeFollower(node.term, undefined);
  } else if (result === "won" && node.role === "pre-candidate") {
    campaign(node, "election");
  } else if (result === "won") {
    node.becomeLeader();
    broadcastAppend(node);
  }
}
