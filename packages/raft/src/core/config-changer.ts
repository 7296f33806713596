/**
 * Works out the configuration that follows another one (Raft thesis §4.3), without touching
 * either: callers switch to the result or drop it.
 *
 * Simple changes alter at most one voter, so that old and new majorities overlap. Anything more
 * goes through a joint configuration, in which both halves must agree:
 *
 *   (1 2 3)  ── enter, changes apply to the incoming half ──▶  (1 2 4) && (1 2 3)  ── leave ──▶  (1 2 4)
 */

import type { MemberChange } from "./config-change.js";
import {
  type ConfigState,
  type Configuration,
  checkConfiguration,
  EMPTY_CONFIGURATION,
  isJoint,
  isSameMembership,
  type ProgressMap,
  toConfigState,
} from "./configuration.js";
import { type ConfigChangeReason, isRaftError, RaftError } from "./errors.js";
import { INDEX_ZERO, type LogIndex, laterIndex, type NodeId, shiftIndex } from "./ids.js";
import { Progress } from "./progress.js";

export interface Membership {
  readonly config: Configuration;
  readonly progress: ProgressMap;
}

/** What new members are tracked with. */
export interface NewMemberTerms {
  /** Last index of the log: where probing of new members begins. */
  readonly lastIndex: LogIndex;
  readonly maxInflightMessages: number;
  readonly maxInflightBytes: number;
}

export const EMPTY_MEMBERSHIP: Membership = { config: EMPTY_CONFIGURATION, progress: new Map() };

/**
 * Makes `changes` directly.
 * @throws RaftError `RAFT_CONFIG_CHANGE_REFUSED` with reason `joint-active`,
 *   `all-voters-removed` or `multiple-voters`
 */
export function changeSimply(
  before: Membership,
  changes: readonly MemberChange[],
  terms: NewMemberTerms,
): Membership {
  if (isJoint(before.config)) throw refused("joint-active", "a joint configuration is active");
  const draft = new Draft(before, terms);
  draft.apply(changes);
  if (differingVoters(before.config.voters.incoming, draft.incoming) > 1) {
    throw refused("multiple-voters", "more than one voter differs");
  }
  return draft.finish(false);
}

/**
 * Enters the joint configuration of the present voters and those that `changes` lead to.
 * @throws RaftError `RAFT_CONFIG_CHANGE_REFUSED` with reason `already-joint`, `no-voters` or
 *   `all-voters-removed`
 */
export function enterJoint(
  before: Membership,
  changes: readonly MemberChange[],
  terms: NewMemberTerms & { readonly autoLeave: boolean },
): Membership {
  if (isJoint(before.config)) throw refused("already-joint", "the configuration is joint already");
  if (before.config.voters.incoming.size === 0) {
    throw refused("no-voters", "a configuration without voters cannot become joint");
  }
  const draft = new Draft(before, terms);
  draft.outgoing = new Set(draft.incoming);
  draft.apply(changes);
  return draft.finish(terms.autoLeave);
}

/**
 * Leaves the joint configuration: the incoming half decides alone, staged learners become
 * learners, and members that are in neither are forgotten.
 * @throws RaftError `RAFT_CONFIG_CHANGE_REFUSED` with reason `not-joint`
 */
export function leaveJoint(before: Membership, terms: NewMemberTerms): Membership {
  if (!isJoint(before.config)) throw refused("not-joint", "the configuration is not joint");
  const draft = new Draft(before, terms);
  draft.leave();
  return draft.finish(false);
}

/** Rebuilds the membership that a snapshot or the storage describes. */
export function restoreMembership(state: ConfigState, terms: NewMemberTerms): Membership {
  const add = (operation: MemberChange["operation"], ids: readonly NodeId[]): MemberChange[] =>
    ids.map((node) => ({ operation, node }));
  const incoming = [
    ...add("add-voter", state.voters),
    ...add("add-learner", state.learners),
    ...add("add-learner", state.learnersNext),
  ];
  // One at a time: each is a simple change of its own, and the set in between is no real one.
  const oneByOne = (start: Membership, changes: readonly MemberChange[]): Membership =>
    changes.reduce((membership, one) => changeSimply(membership, [one], terms), start);
  if (state.votersOutgoing.length === 0) return oneByOne(EMPTY_MEMBERSHIP, incoming);
  const outgoing = oneByOne(EMPTY_MEMBERSHIP, add("add-voter", state.votersOutgoing));
  const removals = add("remove", state.votersOutgoing);
  return enterJoint(outgoing, [...removals, ...incoming], {
    ...terms,
    autoLeave: state.autoLeave,
  });
}

/** Whether {@link restoreMembership} makes of `state` just what it says. */
export function isRestorable(state: ConfigState): boolean {
  const terms = { lastIndex: INDEX_ZERO, maxInflightMessages: 1, maxInflightBytes: 1 };
  try {
    const { config } = restoreMembership(state, terms);
    return isSameMembership(state, toConfigState(config, state.changedAt));
  } catch (error) {
    if (isRaftError(error)) return false;
    throw error;
  }
}

/** A membership being changed: own copies of every set, and of every progress. */
class Draft {
  readonly incoming: Set<NodeId>;
  outgoing: Set<NodeId>;
  readonly #learners: Set<NodeId>;
  readonly #learnersNext: Set<NodeId>;
  readonly #progress: Map<NodeId, Progress>;
  readonly #terms: NewMemberTerms;

  constructor(before: Membership, terms: NewMemberTerms) {
    checkConfiguration(before.config, before.progress);
    this.incoming = new Set(before.config.voters.incoming);
    this.outgoing = new Set(before.config.voters.outgoing);
    this.#learners = new Set(before.config.learners);
    this.#learnersNext = new Set(before.config.learnersNext);
    this.#progress = new Map([...before.progress].map(([id, one]) => [id, one.clone()]));
    this.#terms = terms;
  }

  apply(changes: readonly MemberChange[]): void {
    for (const { operation, node } of changes) {
      if (node === 0) continue;
      if (operation === "add-voter") this.#makeVoter(node);
      else if (operation === "add-learner") this.#makeLearner(node);
      else if (operation === "remove") this.#remove(node);
    }
    if (this.incoming.size === 0) throw refused("all-voters-removed", "no voter would be left");
  }

  leave(): void {
    for (const id of this.#learnersNext) {
      this.#learners.add(id);
      const progress = this.#progress.get(id);
      if (progress !== undefined) progress.isLearner = true;
    }
    this.#learnersNext.clear();
    for (const id of this.outgoing) {
      if (!this.incoming.has(id) && !this.#learners.has(id)) this.#progress.delete(id);
    }
    this.outgoing = new Set();
  }

  finish(autoLeave: boolean): Membership {
    const config: Configuration = {
      voters: { incoming: this.incoming, outgoing: this.outgoing },
      learners: this.#learners,
      learnersNext: this.#learnersNext,
      autoLeave,
    };
    const progress = new Map([...this.#progress].sort(([a], [b]) => a - b));
    checkConfiguration(config, progress);
    return { config, progress };
  }

  #makeVoter(id: NodeId): void {
    const progress = this.#progress.get(id);
    this.incoming.add(id);
    if (progress === undefined) {
      this.#track(id, false);
      return;
    }
    progress.isLearner = false;
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
  }

  #makeLearner(id: NodeId): void {
    const progress = this.#progress.get(id);
    if (progress === undefined) {
      this.#learners.add(id);
      this.#track(id, true);
      return;
    }
    if (progress.isLearner) return;
    this.#remove(id);
    this.#progress.set(id, progress);
    // Nobody is voter and learner at once: while still an outgoing voter, it is only staged.
    if (this.outgoing.has(id)) {
      this.#learnersNext.add(id);
    } else {
      progress.isLearner = true;
      this.#learners.add(id);
    }
  }

  #remove(id: NodeId): void {
    if (!this.#progress.has(id)) return;
    this.incoming.delete(id);
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
    // An outgoing voter still decides, so it still has to be replicated to.
    if (!this.outgoing.has(id)) this.#progress.delete(id);
  }

  #track(id: NodeId, isLearner: boolean): void {
    const next = laterIndex(this.#terms.lastIndex, shiftIndex(INDEX_ZERO, 1));
    const { maxInflightMessages, maxInflightBytes } = this.#terms;
    // Active from the start: a check of the quorum must not come before its first chance to speak.
    const recentActive = true;
    this.#progress.set(
      id,
      new Progress({ next, isLearner, recentActive, maxInflightMessages, maxInflightBytes }),
    );
  }
}

function differingVoters(before: ReadonlySet<NodeId>, after: ReadonlySet<NodeId>): number {
  let count = 0;
  for (const id of before) if (!after.has(id)) count += 1;
  for (const id of after) if (!before.has(id)) count += 1;
  return count;
}

function refused(reason: ConfigChangeReason, message: string): RaftError {
  return new RaftError({ code: "RAFT_CONFIG_CHANGE_REFUSED", reason, message });
}
