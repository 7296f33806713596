/** Switching a running node to another configuration. */

import { type ConfigChange, entersJoint, leavesJoint } from "./config-change.js";
import { changeSimply, enterJoint, leaveJoint, type Membership } from "./config-changer.js";
import { type ConfigState, toConfigState } from "./configuration.js";
import type { LogIndex } from "./ids.js";
import { releaseConfirmedReads, releaseReadsBeforeCommit } from "./leader-reads.js";
import type { NodeState } from "./node-state.js";
import { broadcastAppend, broadcastMissing, maybeCommit } from "./replication.js";

/**
 * Applies a committed change. One that lies behind a snapshot which has been restored meanwhile is in
 * its configuration already: making it again would bring members back (etcd issue 11510).
 * @returns the configuration to store with the next snapshot
 * @throws RaftError `RAFT_CONFIG_CHANGE_REFUSED` when it cannot follow the present configuration
 */
export function applyConfigChange(
  node: NodeState,
  change: ConfigChange,
  changedAt: LogIndex,
): ConfigState {
  if (changedAt <= restoredThrough(node)) {
    return toConfigState(node.membership.config, node.configChangedAt);
  }
  const membership = followingMembership(node, change);
  node.configChangedAt = changedAt;
  return switchTo(node, membership);
}

/** Every change up to here is part of the present configuration. */
function restoredThrough(node: NodeState): number {
  const { applied, unstable } = node.log;
  return Math.max(applied, unstable.snapshot?.meta.index ?? 0);
}

/**
 * What `change` makes of the present membership, which stays as it is.
 * @throws RaftError `RAFT_CONFIG_CHANGE_REFUSED`
 */
export function followingMembership(node: NodeState, change: ConfigChange): Membership {
  const { maxInflightMessages, maxInflightBytes } = node.options;
  const lastIndex = node.log.lastIndex();
  const terms = { lastIndex, maxInflightMessages, maxInflightBytes };
  if (leavesJoint(change)) return leaveJoint(node.membership, terms);
  if (!entersJoint(change)) return changeSimply(node.membership, change.changes, terms);
  const autoLeave = change.transition !== "explicit";
  return enterJoint(node.membership, change.changes, { ...terms, autoLeave });
}

function switchTo(node: NodeState, membership: Membership): ConfigState {
  node.membership = membership;
  const state = toConfigState(membership.config, node.configChangedAt);
  node.observe({ type: "configuration-changed", at: node.configChangedAt });
  if (node.role !== "leader") return state;

  if (node.progressOf(node.id) === undefined || node.isLearner) {
    // A leader that is no voter would go on for ever, keeping the voters from electing one.
    if (node.options.stepDownOnRemoval) node.becomeFollower(node.term, undefined);
    return state;
  }
  // A smaller quorum may have more; otherwise newcomers need not wait for the next proposal.
  if (maybeCommit(node)) {
    releaseReadsBeforeCommit(node);
    broadcastAppend(node);
  } else {
    broadcastMissing(node);
  }
  releaseConfirmedReads(node);
  if (node.transferee !== undefined && !node.isVoter(node.transferee)) node.transferee = undefined;
  return state;
}
