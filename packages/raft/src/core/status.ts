/** A look at a node from outside. */

import { type ConfigState, toConfigState } from "./configuration.js";
import type { LogIndex, NodeId, Term } from "./ids.js";
import type { NodeState } from "./node-state.js";
import type { Role } from "./options.js";
import type { ProgressState } from "./progress.js";

/** What a leader knows of one member. */
export interface MemberStatus {
  readonly id: NodeId;
  readonly state: ProgressState;
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly isLearner: boolean;
  readonly isPaused: boolean;
  readonly recentActive: boolean;
  /** 0 unless a snapshot is under way. */
  readonly pendingSnapshot: LogIndex;
  readonly inflightCount: number;
  readonly inflightBytes: number;
  readonly isInflightFull: boolean;
}

export interface NodeStatus {
  readonly id: NodeId;
  readonly term: Term;
  readonly vote: NodeId | undefined;
  readonly role: Role;
  readonly leader: NodeId | undefined;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly config: ConfigState;
  readonly transferee: NodeId | undefined;
  readonly uncommittedBytes: number;
  readonly pendingReads: number;
  /** In ascending order of id; empty unless this node leads. */
  readonly members: readonly MemberStatus[];
}

export function statusOf(node: NodeState): NodeStatus {
  return {
    id: node.id,
    term: node.term,
    vote: node.vote,
    role: node.role,
    leader: node.leader,
    firstIndex: node.log.firstIndex(),
    lastIndex: node.log.lastIndex(),
    commitIndex: node.log.committed,
    appliedIndex: node.log.applied,
    config: toConfigState(node.membership.config, node.configChangedAt),
    transferee: node.transferee,
    uncommittedBytes: node.uncommittedBytes,
    pendingReads: node.reads.size + node.readsBeforeCommit.length,
    members: node.role === "leader" ? membersOf(node) : [],
  };
}

function membersOf(node: NodeState): MemberStatus[] {
  return [...node.membership.progress].map(([id, progress]) => ({
    id,
    state: progress.state,
    match: progress.match,
    next: progress.next,
    isLearner: progress.isLearner,
    isPaused: progress.isPaused,
    recentActive: progress.recentActive,
    pendingSnapshot: progress.pendingSnapshot,
    inflightCount: progress.inflights.count,
    inflightBytes: progress.inflights.bytes,
    isInflightFull: progress.inflights.isFull,
  }));
}
