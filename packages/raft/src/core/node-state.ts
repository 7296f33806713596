/**
 * Everything one node knows, and the moves between roles (Raft paper figure 4).
 *
 *   follower ──▶ pre-candidate ──▶ candidate ──▶ leader
 *       ▲──────────────┴───────────────┴───────────┘  a later term, a leader, a lost vote
 *
 * The files of the roles hold what happens in each; this one holds what they share.
 *
 * Invariants: `vote` changes from undefined to a node at most once per term. A message that speaks
 * for stored state (`afterAppend`) never leaves before that state is durable.
 */

import type { Membership } from "./config-changer.js";
import { EMPTY_MEMBERSHIP } from "./config-changer.js";
import type { ProposedEntry } from "./entry.js";
import { type Entry, NO_BYTES, payloadBytes } from "./entry.js";
import { invariant } from "./errors.js";
import {
  INDEX_ZERO,
  isAsGood,
  type LogIndex,
  type LogPosition,
  type NodeId,
  shiftIndex,
  type Term,
  toTerm,
} from "./ids.js";
import type { PeerMessage, ReadRequest } from "./message.js";
import type {
  CoreEvent,
  CoreObserver,
  LeaderLease,
  RaftCoreDeps,
  Random,
  ResolvedOptions,
  Role,
} from "./options.js";
import { Progress } from "./progress.js";
import { isVoter, jointAcked, jointVote, type VoteResult } from "./quorum.js";
import { RaftLog } from "./raft-log.js";
import { ReadQueue } from "./read-queue.js";
import type { ReadState } from "./ready.js";
import type { HardState } from "./storage.js";

export class NodeState {
  readonly id: NodeId;
  readonly options: ResolvedOptions;
  readonly log: RaftLog;
  readonly #random: Random;
  readonly #observer: CoreObserver | undefined;
  readonly lease: LeaderLease | undefined;

  term: Term;
  vote: NodeId | undefined;
  role: Role = "follower";
  leader: NodeId | undefined;
  membership: Membership = EMPTY_MEMBERSHIP;
  /** Index of the entry that made the present configuration. */
  configChangedAt: LogIndex = INDEX_ZERO;

  /** Ticks since the leader was heard, or since the last check of the quorum for a leader. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** Leader: ticks since the present transfer began. */
  transferElapsed = 0;
  /** Drawn from [electionTicks, 2 × electionTicks) at each change of role or term. */
  electionTimeout = 0;
  /** False while the host is not fit to lead. */
  isEligible = true;
  /** Where the log ended that this node had as a member before. See {@link NodeState.hasForgottenGroup}. */
  readonly forgotten: LogPosition | undefined;

  /** Votes heard in this campaign. The first of each node counts. */
  readonly votes = new Map<NodeId, boolean>();
  /** Leader: whom leadership is being handed to. */
  transferee: NodeId | undefined;
  /** Leader: somebody has been asked to take over, and may do so at any time in this term. */
  hasInvitedSuccessor = false;
  /** Leader: no configuration change may be proposed before this index is applied. */
  pendingConfigIndex: LogIndex = INDEX_ZERO;
  /** Leader: payload bytes appended and not known to be applied. */
  uncommittedBytes = 0;
  /** Leader: reads under confirmation. */
  reads = new ReadQueue();
  /** Leader: reads that wait for the first commit of the term. */
  readsBeforeCommit: ReadRequest[] = [];

  /** May be sent at once. */
  messages: PeerMessage[] = [];
  /** May be sent, or heard by this node, once all that precedes them is durable. */
  afterAppend: PeerMessage[] = [];
  readStates: ReadState[] = [];

  constructor(deps: RaftCoreDeps, options: ResolvedOptions, stored: HardState) {
    this.id = options.id;
    this.options = options;
    this.#random = deps.random;
    this.#observer = deps.observer;
    this.lease = deps.lease;
    this.log = new RaftLog(deps.storage, options.maxApplyingBytes);
    this.term = stored.term;
    this.vote = stored.vote;
    this.forgotten = stored.forgotten;
    if (stored.commit > 0) this.log.restoreCommit(stored.commit);
    if (options.applied > 0) this.log.appliedTo(options.applied, 0);
  }

  observe(event: CoreEvent): void {
    this.#observer?.(event);
  }

  // ── members ──────────────────────────────────────────────────────────────

  progressOf(id: NodeId): Progress | undefined {
    return this.membership.progress.get(id);
  }

  get isLearner(): boolean {
    return this.progressOf(this.id)?.isLearner ?? false;
  }

  /** This node is the only voter: what it says needs nobody's confirmation. */
  get isOnlyVoter(): boolean {
    const { incoming, outgoing } = this.membership.config.voters;
    return incoming.size === 1 && outgoing.size === 0 && incoming.has(this.id);
  }

  /**
   * This node was a member, and may lack what it acknowledged then: its log says nothing about how good
   * another one is. Its log is that of a leader up to its end, and the leader had all that was committed
   * before its term; so it lacks nothing once it is as good, in the sense of elections (Raft paper §5.4.1),
   * as the one that was forgotten.
   */
  get hasForgottenGroup(): boolean {
    return this.forgotten !== undefined && !isAsGood(this.log.lastPosition(), this.forgotten);
  }

  /** May become leader: a voter that lacks nothing, and is not in the middle of restoring a snapshot. */
  get isPromotable(): boolean {
    const own = this.progressOf(this.id);
    if (own === undefined || own.isLearner || this.hasForgottenGroup) return false;
    return this.log.unstable.snapshot === undefined;
  }

  /** What members have acknowledged, decided by the quorum. */
  quorumMatch(): number {
    return jointAcked(
      this.membership.config.voters,
      (voter) => this.membership.progress.get(voter)?.match,
    );
  }

  tally(): VoteResult {
    return jointVote(this.membership.config.voters, (voter) => this.votes.get(voter));
  }

  /** Voters heard from since the last check are a quorum. */
  isQuorumActive(): boolean {
    const { config, progress } = this.membership;
    const vote = jointVote(config.voters, (voter) => {
      const one = progress.get(voter);
      return one === undefined || one.isLearner ? undefined : one.recentActive;
    });
    return vote === "won";
  }

  isVoter(id: NodeId): boolean {
    return isVoter(this.membership.config.voters, id);
  }

  // ── roles ────────────────────────────────────────────────────────────────

  becomeFollower(term: Term, leader: NodeId | undefined): void {
    this.#reset(term);
    this.leader = leader;
    this.#become("follower");
  }

  /** Neither term nor vote change: asking commits to nothing. */
  becomePreCandidate(): void {
    invariant(this.role !== "leader", () => "a leader cannot become a pre-candidate");
    this.votes.clear();
    this.leader = undefined;
    this.#become("pre-candidate");
  }

  becomeCandidate(): void {
    invariant(this.role !== "leader", () => "a leader cannot become a candidate");
    this.#reset(toTerm(this.term + 1));
    this.vote = this.id;
    this.#become("candidate");
  }

  /** Begins the term with an empty entry: older ones commit only below one of this term (§5.4.2). */
  becomeLeader(): void {
    invariant(this.role !== "follower", () => "a follower cannot become leader");
    this.#reset(this.term);
    this.leader = this.id;
    this.#become("leader");
    const own = this.progressOf(this.id);
    invariant(own !== undefined, () => "a leader outside its own configuration");
    own.becomeReplicate();
    own.recentActive = true;
    // A change may hide in the uncommitted tail. Waiting for all of it is cheaper than looking.
    this.pendingConfigIndex = this.log.lastIndex();
    this.appendAsLeader([{ type: "normal", data: NO_BYTES }]);
  }

  #become(role: Role): void {
    this.role = role;
    const { term, leader } = this;
    this.observe({ type: "became", role, term, ...(leader === undefined ? {} : { leader }) });
  }

  #reset(term: Term): void {
    if (this.term !== term) {
      invariant(term > this.term, () => `term ${term} after term ${this.term}`);
      this.term = term;
      this.vote = undefined;
    }
    this.leader = undefined;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.transferElapsed = 0;
    this.#drawElectionTimeout();
    this.transferee = undefined;
    this.hasInvitedSuccessor = false;
    this.votes.clear();
    this.#resetProgress();
    this.pendingConfigIndex = INDEX_ZERO;
    this.uncommittedBytes = 0;
    this.reads = new ReadQueue();
    this.readsBeforeCommit = [];
  }

  #resetProgress(): void {
    const last = this.log.lastIndex();
    const { maxInflightMessages, maxInflightBytes } = this.options;
    const progress = new Map<NodeId, Progress>();
    for (const [id, { isLearner }] of this.membership.progress) {
      const fresh = new Progress({
        next: shiftIndex(last, 1),
        isLearner,
        recentActive: false,
        maxInflightMessages,
        maxInflightBytes,
      });
      if (id === this.id) fresh.match = last;
      progress.set(id, fresh);
    }
    this.membership = { config: this.membership.config, progress };
  }

  #drawElectionTimeout(): void {
    const { electionTicks } = this.options;
    this.electionTimeout = electionTicks + this.#random.nextInt(electionTicks);
  }

  // ── output ───────────────────────────────────────────────────────────────

  /** Queues a message that speaks for nothing stored. */
  send(message: PeerMessage): void {
    invariant(message.to !== this.id, () => `${message.type} addressed to its sender`);
    this.messages.push(message);
  }

  /** Queues a vote or an acknowledgement: heard by nobody before it is durable. */
  sendAfterAppend(message: PeerMessage): void {
    this.afterAppend.push(message);
  }

  /**
   * Appends proposals in this leader's term, and has it acknowledge them to itself once they are
   * durable, like any other member.
   */
  appendAsLeader(proposed: readonly ProposedEntry[]): void {
    let index = this.log.lastIndex();
    const entries: Entry[] = proposed.map(({ type, data }) => {
      index = shiftIndex(index, 1);
      return { term: this.term, index, type, data };
    });
    this.uncommittedBytes += payloadBytes(proposed);
    this.log.append(entries);
    this.sendAfterAppend({
      type: "append-response",
      from: this.id,
      to: this.id,
      term: this.term,
      index,
    });
  }
}
