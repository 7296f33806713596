/** What a node does with messages from the leader of its term. */

import { restoreMembership } from "./config-changer.js";
import { type ConfigState, isMember, isSameMembership, toConfigState } from "./configuration.js";
import { invariant } from "./errors.js";
import { earlierIndex, type LogIndex, type NodeId, TERM_ZERO } from "./ids.js";
import type { AppendRequest, HeartbeatRequest, SnapshotRequest } from "./message.js";
import type { NodeState } from "./node-state.js";
import type { Snapshot } from "./storage.js";

/** Appends what fits, or says where the logs may meet (Raft paper §5.3). */
export function handleAppend(node: NodeState, request: AppendRequest): void {
  const { from, previous } = request;
  const { log } = node;
  if (previous.index < log.committed) {
    acknowledge(node, from, log.committed);
    return;
  }
  const matched = log.maybeAppend(previous, request.entries, request.commit);
  if (matched !== undefined) {
    acknowledge(node, from, matched);
    return;
  }
  // Every entry here with a term above the leader's at that point is certain to differ: skip them
  // all, so that the leader probes once per term and not once per entry.
  const at = { index: earlierIndex(previous.index, log.lastIndex()), term: previous.term };
  const guess = log.guessMatch(at);
  node.sendAfterAppend({
    type: "append-response",
    from: node.id,
    to: from,
    term: node.term,
    index: previous.index,
    rejectedHint: { index: guess.index, term: guess.term ?? TERM_ZERO },
  });
}

function acknowledge(node: NodeState, to: NodeId, index: LogIndex): void {
  node.sendAfterAppend({ type: "append-response", from: node.id, to, term: node.term, index });
}

export function handleHeartbeat(node: NodeState, request: HeartbeatRequest): void {
  // To a host that has removed the group and waits to be added again, what was sent to the member that it
  // was may still come: that has nothing to do with its empty log.
  if (node.log.lastIndex() > 0) node.log.commitTo(request.commit);
  node.send({
    type: "heartbeat-response",
    from: node.id,
    to: request.from,
    term: node.term,
    readPosition: request.readPosition,
  });
}

export function handleSnapshot(node: NodeState, request: SnapshotRequest): void {
  const restored = restoreSnapshot(node, request.snapshot);
  acknowledge(node, request.from, restored ? node.log.lastIndex() : node.log.committed);
}

/** Starts over behind `snapshot`. False when it was not needed or not meant for this node. */
function restoreSnapshot(node: NodeState, snapshot: Snapshot): boolean {
  const { meta } = snapshot;
  if (meta.index <= node.log.committed) return false;
  invariant(node.role === "follower", () => `a ${node.role} was sent a snapshot`);
  if (!isMember(meta.config, node.id)) return false;
  if (node.log.has(meta)) {
    // The log already has what the snapshot stands for, and more behind it. Learn the commit.
    node.log.commitTo(meta.index);
    return false;
  }
  node.log.restore(snapshot);
  adoptConfig(node, meta.config);
  node.observe({ type: "snapshot-restored", index: meta.index });
  return true;
}

/** Takes over a stored configuration. */
export function adoptConfig(node: NodeState, config: ConfigState): void {
  const { maxInflightMessages, maxInflightBytes } = node.options;
  const lastIndex = node.log.lastIndex();
  const terms = { lastIndex, maxInflightMessages, maxInflightBytes };
  node.membership = restoreMembership(config, terms);
  node.configChangedAt = config.changedAt;
  const restored = toConfigState(node.membership.config, config.changedAt);
  invariant(isSameMembership(config, restored), () => "a stored configuration does not restore");
  node.observe({ type: "configuration-changed", at: config.changedAt });
}
