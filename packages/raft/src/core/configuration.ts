/**
 * Who is in the group: the working form (sets, to decide quorums) and the stored form (sorted
 * lists, in snapshots).
 *
 * Invariants, checked by `checkConfiguration` before a configuration is used:
 * - a learner is in neither half of the voters;
 * - a staged learner (`learnersNext`) is a voter of the outgoing half: it becomes a learner when
 *   the joint configuration is left;
 * - staged learners and automatic leaving exist only while joint;
 * - every member has a progress.
 */

import { RaftError } from "./errors.js";
import { type LogIndex, type NodeId, toLogIndex, toNodeId } from "./ids.js";
import type { Progress } from "./progress.js";
import { isVoter, type JointVoters, voterIds } from "./quorum.js";

/** A configuration at work. Treated as immutable. */
export interface Configuration {
  readonly voters: JointVoters;
  readonly learners: ReadonlySet<NodeId>;
  readonly learnersNext: ReadonlySet<NodeId>;
  /** Joint: leave as soon as entering it has been applied. */
  readonly autoLeave: boolean;
}

/** A configuration to store. Lists ascend. */
export interface ConfigState {
  readonly voters: readonly NodeId[];
  readonly votersOutgoing: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly learnersNext: readonly NodeId[];
  readonly autoLeave: boolean;
  /** Index of the entry that made it; 0 for one that the group was founded with. */
  readonly changedAt: LogIndex;
}

/** In ascending order of id, so that leaders visit members in the same order everywhere. */
export type ProgressMap = ReadonlyMap<NodeId, Progress>;

export const EMPTY_CONFIGURATION: Configuration = {
  voters: { incoming: new Set(), outgoing: new Set() },
  learners: new Set(),
  learnersNext: new Set(),
  autoLeave: false,
};

export const EMPTY_CONFIG_STATE: ConfigState = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
  changedAt: toLogIndex(0),
};

/** The configuration that a new group is founded with. Ids may come in any order. */
export function foundingConfig(members: {
  readonly voters: readonly number[];
  readonly learners?: readonly number[];
}): ConfigState {
  return {
    ...EMPTY_CONFIG_STATE,
    voters: sorted(members.voters.map(toNodeId)),
    learners: sorted((members.learners ?? []).map(toNodeId)),
  };
}

export function isJoint(config: Configuration): boolean {
  return config.voters.outgoing.size > 0;
}

/** A node that is a member, in whatever part. */
export function isMember(config: ConfigState, id: NodeId): boolean {
  // Staged learners need no look: they are outgoing voters.
  return (
    config.voters.includes(id) || config.learners.includes(id) || config.votersOutgoing.includes(id)
  );
}

export function toConfigState(config: Configuration, changedAt: LogIndex): ConfigState {
  return {
    voters: sorted(config.voters.incoming),
    votersOutgoing: sorted(config.voters.outgoing),
    learners: sorted(config.learners),
    learnersNext: sorted(config.learnersNext),
    autoLeave: config.autoLeave,
    changedAt,
  };
}

/** Same members in the same parts, whenever they came about and in whatever order listed. */
export function isSameMembership(a: ConfigState, b: ConfigState): boolean {
  return (
    a.autoLeave === b.autoLeave &&
    isSameSet(a.voters, b.voters) &&
    isSameSet(a.votersOutgoing, b.votersOutgoing) &&
    isSameSet(a.learners, b.learners) &&
    isSameSet(a.learnersNext, b.learnersNext)
  );
}

function isSameSet(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  const inA = new Set(a);
  const inB = new Set(b);
  return inA.size === inB.size && [...inA].every((id) => inB.has(id));
}

function sorted(ids: Iterable<NodeId>): NodeId[] {
  return [...ids].sort((a, b) => a - b);
}

/** @throws RaftError `RAFT_CONFIG_CHANGE_REFUSED`, reason `inconsistent` */
export function checkConfiguration(config: Configuration, progress: ProgressMap): void {
  const { voters, learners, learnersNext } = config;
  for (const id of [...voterIds(voters), ...learners, ...learnersNext]) {
    if (!progress.has(id)) throw inconsistent(`member ${id} has no progress`);
  }
  for (const id of learnersNext) {
    if (!voters.outgoing.has(id)) throw inconsistent(`staged learner ${id} is no outgoing voter`);
    if (progress.get(id)?.isLearner) throw inconsistent(`staged learner ${id} is tracked as one`);
  }
  for (const id of learners) {
    if (isVoter(voters, id)) throw inconsistent(`${id} is a learner and a voter`);
    if (!progress.get(id)?.isLearner) throw inconsistent(`learner ${id} is not tracked as one`);
  }
  if (!isJoint(config) && (learnersNext.size > 0 || config.autoLeave)) {
    throw inconsistent("staged learners or automatic leaving outside a joint configuration");
  }
}

function inconsistent(what: string): RaftError {
  return new RaftError({
    code: "RAFT_CONFIG_CHANGE_REFUSED",
    reason: "inconsistent",
    message: `inconsistent configuration: ${what}`,
  });
}
