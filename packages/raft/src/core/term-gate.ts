/**
 * What a message's term does before its content counts (Raft paper §5.1): later terms end ours,
 * earlier ones are over.
 */

import { isUnderLease, knownCommit } from "./election.js";
import { INDEX_ZERO } from "./ids.js";
import type { PeerMessage } from "./message.js";
import type { NodeState } from "./node-state.js";

/** @returns whether the message is to be handled further */
export function passTermGate(node: NodeState, message: PeerMessage): boolean {
  if (!("term" in message) || message.term === node.term) return true;
  return message.term > node.term ? passLaterTerm(node, message) : passEarlierTerm(node, message);
}

type InTerm = Extract<PeerMessage, { readonly term: unknown }>;

function passLaterTerm(node: NodeState, message: InTerm): boolean {
  switch (message.type) {
    case "vote-request":
    case "pre-vote-request":
      if (isUnderLease(node, message)) {
        node.observe({ type: "message-ignored", message: message.type, reason: "under-lease" });
        return false;
      }
      // A question about a later term does not begin it.
      if (message.type === "vote-request") node.becomeFollower(message.term, undefined);
      return true;
    case "pre-vote-response":
      // A grant names the term that was asked about. A refusal names the refuser's own.
      if (!message.granted) node.becomeFollower(message.term, undefined);
      return true;
    case "append-request":
    case "heartbeat-request":
    case "snapshot-request":
      node.becomeFollower(message.term, message.from);
      return true;
    case "append-response":
    case "heartbeat-response":
    case "vote-response":
    case "read-response":
    case "transfer-request":
    case "timeout-now":
    default:
      node.becomeFollower(message.term, undefined);
      return true;
  }
}

function passEarlierTerm(node: NodeState, message: InTerm): boolean {
  const { checkQuorum, preVote } = node.options;
  const { id, term } = node;
  const isFromLeader = message.type === "append-request" || message.type === "heartbeat-request";
  if (isFromLeader && (checkQuorum || preVote)) {
    // We may have raised our term while cut off, and the others, hearing their leader, ignore our
    // campaigns. Telling that leader of the later term is the only way back in.
    const answer = { type: "append-response", from: id, to: message.from, term } as const;
    node.sendAfterAppend({ ...answer, index: INDEX_ZERO });
  } else if (message.type === "pre-vote-request") {
    // Without an answer two nodes could wait for each other for ever.
    const answer = { type: "pre-vote-response", from: id, to: message.from, term } as const;
    node.sendAfterAppend({ ...answer, granted: false, ...knownCommit(node) });
  } else {
    node.observe({ type: "message-ignored", message: message.type, reason: "earlier-term" });
  }
  return false;
}
