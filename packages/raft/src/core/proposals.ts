/** What a leader takes into its log, and what it refuses. */

import {
  type ConfigChange,
  decodeConfigChange,
  encodeConfigChange,
  LEAVE_JOINT,
} from "./config-change.js";
import { isJoint } from "./configuration.js";
import { isConfigEntry, NO_BYTES, type ProposedEntry, payloadBytes } from "./entry.js";
import { type ConfigChangeReason, isRaftError, RaftError } from "./errors.js";
import { type NodeId, shiftIndex } from "./ids.js";
import { hasCommittedInTerm } from "./leader-reads.js";
import type { NodeState } from "./node-state.js";
import { followingMembership } from "./reconfiguration.js";
import { broadcastAppend } from "./replication.js";

const EMPTY: ProposedEntry = { type: "normal", data: NO_BYTES };

/**
 * Appends all of `entries` and replicates them, or refuses all of them.
 * @returns why they were refused
 */
export function acceptProposal(
  node: NodeState,
  entries: readonly ProposedEntry[],
): RaftError | undefined {
  const refusal = refusalOf(node, entries);
  if (refusal !== undefined) return refusal;
  const accepted: ProposedEntry[] = [];
  let pendingConfigIndex = node.pendingConfigIndex;
  for (const entry of entries) {
    const reason = isConfigEntry(entry)
      ? configRefusal(node, pendingConfigIndex, decodeConfigChange(entry))
      : undefined;
    if (reason !== undefined) {
      if (node.options.configChangeValidation === "strict") return changeRefused(reason);
      node.observe({ type: "config-change-ignored", reason });
      accepted.push(EMPTY);
      continue;
    }
    accepted.push(entry);
    if (isConfigEntry(entry)) {
      pendingConfigIndex = shiftIndex(node.log.lastIndex(), accepted.length);
    }
  }
  if (isOverLimit(node, accepted)) {
    return refuse("RAFT_BACKLOG_FULL", `${node.uncommittedBytes} bytes are uncommitted already`);
  }
  node.pendingConfigIndex = pendingConfigIndex;
  node.appendAsLeader(accepted);
  broadcastAppend(node);
  return undefined;
}

/** Proposes to leave a joint configuration that asks to be left as soon as it has been applied. */
export function maybeLeaveJoint(node: NodeState): void {
  if (node.role !== "leader" || !node.membership.config.autoLeave) return;
  if (node.log.applied < node.pendingConfigIndex) return;
  // Refused while leadership is being handed over. Then the new leader does it, or this one when it
  // gives up on that, be it that nothing else is ever applied.
  acceptProposal(node, [encodeConfigChange(LEAVE_JOINT)]);
}

function refusalOf(node: NodeState, entries: readonly ProposedEntry[]): RaftError | undefined {
  if (entries.length === 0) return refuse("RAFT_BAD_MESSAGE", "a proposal without entries");
  if (node.progressOf(node.id) === undefined) {
    return refuse("RAFT_REMOVED", "this leader is no longer a member");
  }
  if (node.transferee !== undefined) {
    return refuse("RAFT_TRANSFER_IN_PROGRESS", `handing leadership to ${node.transferee}`);
  }
  const { maxEntryBytes } = node.options;
  for (const entry of entries) {
    if (entry.data.length > maxEntryBytes) {
      return refuse("RAFT_ENTRY_TOO_LARGE", `${entry.data.length} bytes, limit ${maxEntryBytes}`);
    }
    const malformed = isConfigEntry(entry) ? decodingError(entry) : undefined;
    if (malformed !== undefined) return malformed;
  }
  return undefined;
}

function decodingError(entry: ProposedEntry): RaftError | undefined {
  try {
    decodeConfigChange(entry);
    return undefined;
  } catch (error) {
    if (isRaftError(error)) return error;
    throw error;
  }
}

function configRefusal(
  node: NodeState,
  pendingConfigIndex: number,
  change: ConfigChange,
): ConfigChangeReason | undefined {
  const { configChangeValidation } = node.options;
  if (configChangeValidation === "off") return undefined;
  const isLeaving = change.changes.length === 0;
  const joint = isJoint(node.membership.config);
  if (pendingConfigIndex > node.log.applied) return "change-pending";
  if (joint && !isLeaving) return "already-joint";
  if (!joint && isLeaving) return "not-joint";
  return configChangeValidation === "strict" ? strictRefusal(node, change) : undefined;
}

function strictRefusal(node: NodeState, change: ConfigChange): ConfigChangeReason | undefined {
  // Changes take effect when applied, so one can never do so before a commit in this term. Asking
  // for it up front keeps a doomed leader from collecting changes (Ongaro, raft-dev, July 2015).
  if (!hasCommittedInTerm(node)) return "no-commit-in-term";
  const isBehind = change.changes.some(
    ({ operation, node: id }) => operation === "add-voter" && id !== 0 && lagsAsLearner(node, id),
  );
  return isBehind ? "learner-behind" : impossibility(node, change);
}

/**
 * Why `change` could not be applied. Nothing can come between, as no other change is pending; once in
 * the log, it would stop every member that applies it.
 */
function impossibility(node: NodeState, change: ConfigChange): ConfigChangeReason | undefined {
  try {
    followingMembership(node, change);
    return undefined;
  } catch (error) {
    const reason = isRaftError(error) ? error.reason : undefined;
    if (reason === undefined || reason === "acknowledged-lost") throw error;
    return reason;
  }
}

/**
 * A learner that has so much to receive yet that it would be a burden as a voter (thesis §4.2.1), or whose
 * log does not yet hold what made it a learner and something of this leader's term: with both its log is
 * better than any that it can have forgotten, and before it votes for nobody.
 */
function lagsAsLearner(node: NodeState, id: NodeId): boolean {
  const progress = node.progressOf(id);
  if (progress === undefined || !progress.isLearner) return false;
  const { state, match } = progress;
  const isHeard = match >= node.configChangedAt && node.log.term(match) === node.term;
  const lag = node.log.lastIndex() - match;
  return state === "snapshot" || !isHeard || lag > node.options.maxPromotionLag;
}

/** An empty backlog takes anything, and nothing is refused that adds nothing. */
function isOverLimit(node: NodeState, entries: readonly ProposedEntry[]): boolean {
  const bytes = payloadBytes(entries);
  const { uncommittedBytes, options } = node;
  return (
    uncommittedBytes > 0 && bytes > 0 && uncommittedBytes + bytes > options.maxUncommittedBytes
  );
}

function changeRefused(reason: ConfigChangeReason): RaftError {
  const message = `configuration change refused: ${reason}`;
  return new RaftError({ code: "RAFT_CONFIG_CHANGE_REFUSED", reason, message });
}

function refuse(code: RaftError["code"], message: string): RaftError {
  return new RaftError({ code, message });
}
