/** What time does to a node. One tick is whatever the host says it is. */

import { startElection } from "./election.js";
import { checkQuorum } from "./leader.js";
import type { NodeState } from "./node-state.js";
import { maybeLeaveJoint } from "./proposals.js";
import { broadcastHeartbeat } from "./replication.js";

export function tick(node: NodeState): void {
  if (node.role === "leader") tickLeader(node);
  else tickOthers(node);
}

function tickLeader(node: NodeState): void {
  const { electionTicks, heartbeatTicks } = node.options;
  node.heartbeatElapsed += 1;
  node.electionElapsed += 1;
  node.transferElapsed += 1;
  if (node.electionElapsed >= electionTicks) {
    node.electionElapsed = 0;
    if (node.options.checkQuorum) checkQuorum(node);
  }
  if (isLeader(node) && node.transferElapsed >= electionTicks) {
    node.transferElapsed = 0;
    // A transfer that has not worked by now will not: take proposals again.
    node.transferee = undefined;
    maybeLeaveJoint(node);
  }
  if (isLeader(node) && node.heartbeatElapsed >= heartbeatTicks) {
    node.heartbeatElapsed = 0;
    broadcastHeartbeat(node);
  }
}

function isLeader(node: NodeState): boolean {
  return node.role === "leader";
}

function tickOthers(node: NodeState): void {
  node.electionElapsed += 1;
  if (node.isPromotable && node.electionElapsed >= node.electionTimeout) {
    node.electionElapsed = 0;
    startElection(node, node.options.preVote ? "pre-vote" : "election");
  }
}
