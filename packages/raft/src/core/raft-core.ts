/**
 * One member of one Raft group, as a pure state machine: messages, ticks and calls go in, work to
 * do comes out of `ready()`. It knows no clock, no network, no disk and no promise; the same
 * inputs give the same outputs.
 *
 * Not safe against re-entry: an observer must not call back into the node that it observes.
 *
 * Every refusal leaves the node unchanged. An error with code `RAFT_INVARIANT` means that the
 * stored state contradicts itself or the group: stop this node, others may go on.
 */

import { stepCandidate } from "./candidate.js";
import {
  type ConfigChange,
  decodeConfigChange,
  encodeConfigChange,
  encodeSingleConfigChange,
  type MemberChange,
} from "./config-change.js";
import type { ConfigState } from "./configuration.js";
import { answerVote, learnCommit, startElection } from "./election.js";
import type { Entry, ProposedEntry } from "./entry.js";
import { invariant, RaftError, type RaftErrorCode } from "./errors.js";
import { forgetLeader, stepFollower } from "./follower.js";
import { adoptConfig } from "./following.js";
import { INDEX_ZERO, type LogIndex, type NodeId, type Term, toNodeId } from "./ids.js";
import {
  handleSnapshotStatus,
  handleUnreachable,
  stepLeader,
  transferLeadership,
} from "./leader.js";
import { holdsLease } from "./leader-reads.js";
import {
  isResponse,
  isStorageMessage,
  isVoteRequest,
  type Message,
  type PeerMessage,
} from "./message.js";
import { whatIsWrong } from "./message-check.js";
import { NodeState } from "./node-state.js";
import { type RaftCoreDeps, type RaftCoreOptions, type Role, resolveOptions } from "./options.js";
import { acceptProposal } from "./proposals.js";
import type { Ready } from "./ready.js";
import { ReadyBuilder } from "./ready-builder.js";
import { applyConfigChange } from "./reconfiguration.js";
import { type NodeStatus, statusOf } from "./status.js";
import { handleAppendDone, handleApplyDone } from "./storage-reports.js";
import { passTermGate } from "./term-gate.js";
import { tick } from "./ticking.js";

/** Where a proposal was put. It is committed if, once applied, that index has that term. */
export interface Proposed {
  /** False: passed on to the leader, and nothing is known about its fate. */
  readonly isLocal: boolean;
  /** Index of the last proposed entry; 0 when passed on. */
  readonly index: LogIndex;
  readonly term: number;
}

export interface ConfigChangeOptions {
  /**
   * Refuse unless the present configuration was made by the entry at this index (compare and set).
   * Only a leader can tell, so it is refused elsewhere.
   */
  readonly ifChangedAt?: number;
}

export class RaftCore {
  readonly #node: NodeState;
  readonly #ready: ReadyBuilder;

  /** @throws RangeError for a bad option; RaftError `RAFT_INVARIANT` for inconsistent storage */
  constructor(deps: RaftCoreDeps, options: RaftCoreOptions = {}) {
    const { hardState, config } = deps.storage.initialState();
    this.#node = new NodeState(deps, resolveOptions(deps.id, options), hardState);
    const { applied } = this.#node.log;
    invariant(
      config.changedAt <= applied,
      () => `stored configuration of ${config.changedAt} is ahead of what is applied, ${applied}`,
    );
    adoptConfig(this.#node, config);
    this.#node.becomeFollower(this.#node.term, undefined);
    this.#ready = new ReadyBuilder(this.#node);
  }

  // ── input ────────────────────────────────────────────────────────────────

  /** Time passes. */
  tick(): void {
    tick(this.#node);
  }

  /**
   * Handles a message from a member, or a report from this node's storage. Messages are best
   * effort, so one that is refused is not an error: the code is for counting.
   */
  step(message: Message): RaftErrorCode | undefined {
    if (isStorageMessage(message)) {
      if (message.type === "append-done") handleAppendDone(this.#node, message);
      else handleApplyDone(this.#node, message);
      return undefined;
    }
    if (whatIsWrong(message, this.#node.id) !== undefined) return "RAFT_BAD_MESSAGE";
    if (isResponse(message) && this.#node.progressOf(message.from) === undefined) {
      return "RAFT_PEER_NOT_FOUND";
    }
    return this.#stepPeer(message);
  }

  /**
   * Proposes application data. As leader, appends it; as follower, passes it on if allowed. The
   * bytes are kept, not copied: do not change them afterwards.
   * @throws RaftError `RAFT_NO_LEADER`, `RAFT_NOT_LEADER`, `RAFT_REMOVED`,
   *   `RAFT_TRANSFER_IN_PROGRESS`, `RAFT_BACKLOG_FULL`, `RAFT_ENTRY_TOO_LARGE`
   */
  propose(data: Uint8Array): Proposed {
    return this.#propose([{ type: "normal", data }]);
  }

  /** Proposes several payloads at once, all or none of which are taken. Errors as `propose`. */
  proposeBatch(payloads: readonly Uint8Array[]): Proposed {
    return this.#propose(payloads.map((data) => ({ type: "normal", data })));
  }

  /**
   * Proposes a configuration change. It takes effect when the host applies it.
   * @throws RaftError as `propose`, and `RAFT_CONFIG_CHANGE_REFUSED`
   */
  proposeConfigChange(change: ConfigChange, options: ConfigChangeOptions = {}): Proposed {
    this.#requireConfigAt(options.ifChangedAt);
    return this.#propose([encodeConfigChange(change)]);
  }

  /** Proposes one change in the older form, which never goes through a joint configuration. */
  proposeSingleConfigChange(change: MemberChange, options: ConfigChangeOptions = {}): Proposed {
    this.#requireConfigAt(options.ifChangedAt);
    return this.#propose([encodeSingleConfigChange(change)]);
  }

  /**
   * Asks for an index that a linearizable read has to wait for. The answer comes in
   * `Ready.readStates` with the same context, or never: reads are lost with messages and with
   * leaders, so ask again after a while, with a context not used before.
   * @param context safe integer of the caller's choice
   * @throws RaftError `RAFT_NO_LEADER`, `RAFT_READ_BACKLOG_FULL`
   */
  readIndex(context: number): void {
    const { id } = this.#node;
    const code = this.#stepPeer({ type: "read-request", from: id, to: id, context });
    if (code !== undefined) throw this.#refusal(code);
  }

  /** Campaigns now, whatever the timeout says. Nothing happens when this node may not. */
  campaign(): void {
    startElection(this.#node, this.#node.options.preVote ? "pre-vote" : "election");
  }

  /**
   * Hands leadership to `id`, or asks the leader to. Proposals are refused meanwhile, for at most
   * one election timeout. Learners and strangers are ignored.
   * @throws RaftError `RAFT_NO_LEADER`
   */
  transferLeadership(id: number): void {
    const transferee = toNodeId(id);
    const { id: self, term, role } = this.#node;
    if (role === "leader") {
      transferLeadership(this.#node, transferee);
      return;
    }
    const message = { type: "transfer-request", from: self, to: self, term, transferee } as const;
    const code = this.#stepPeer(message);
    if (code !== undefined) throw this.#refusal(code);
  }

  /**
   * A follower lets go of its leader without leaving the term, so that it may vote at once.
   * @throws RaftError `RAFT_LEASE_READS`
   */
  forgetLeader(): void {
    const code = forgetLeader(this.#node);
    if (code !== undefined) throw this.#refusal(code);
  }

  /** The transport failed to reach `id`. */
  reportUnreachable(id: number): void {
    if (this.#node.role === "leader") handleUnreachable(this.#node, toNodeId(id));
  }

  /** The snapshot sent to `id` has been delivered, or has failed for good. */
  reportSnapshot(id: number, delivered: boolean): void {
    if (this.#node.role === "leader") handleSnapshotStatus(this.#node, toNodeId(id), delivered);
  }

  /**
   * Whether this node may campaign. A host whose disk is sick or full says no, so that leadership
   * does not come back to it. A leader stays one: transfer first.
   */
  setEligible(isEligible: boolean): void {
    this.#node.isEligible = isEligible;
  }

  /**
   * Applies a committed configuration entry. To be called for each that an apply task holds, in
   * order, before its response is stepped; unless the host vetoes the change. One behind a snapshot that
   * has been restored since changes nothing.
   * @returns the configuration to store with the next snapshot. In that last case it may be one that
   *   was made later, by `changedAt`: until that index is applied, no snapshot may be made
   * @throws RaftError `RAFT_CONFIG_CHANGE_MALFORMED`, `RAFT_CONFIG_CHANGE_REFUSED`
   */
  applyConfigChange(entry: Entry): ConfigState {
    return applyConfigChange(this.#node, decodeConfigChange(entry), entry.index);
  }

  // ── output ───────────────────────────────────────────────────────────────

  /** Whether {@link RaftCore.ready} has work to hand out. */
  get hasReady(): boolean {
    return this.#ready.hasReady;
  }

  /** Hands out all work that has come up since the last call. */
  ready(): Ready {
    return this.#ready.take();
  }

  /** Everything there is to see. Allocates; hosts of many groups use the getters. */
  status(): NodeStatus {
    return statusOf(this.#node);
  }

  get id(): NodeId {
    return this.#node.id;
  }

  get term(): Term {
    return this.#node.term;
  }

  get role(): Role {
    return this.#node.role;
  }

  /** Who leads this term, as far as this node knows. */
  get leader(): NodeId | undefined {
    return this.#node.leader;
  }

  /** This node leads, and serves reads without asking anybody. */
  get hasLease(): boolean {
    return holdsLease(this.#node);
  }

  get commitIndex(): LogIndex {
    return this.#node.log.committed;
  }

  get appliedIndex(): LogIndex {
    return this.#node.log.applied;
  }

  get lastIndex(): LogIndex {
    return this.#node.log.lastIndex();
  }

  /** Term of the entry at `index` of this node's log, durable or not; undefined outside of the log. */
  termAt(index: LogIndex): Term | undefined {
    return this.#node.log.term(index);
  }

  /** Ticks until the next campaign, unless a leader is heard. Tests may set it. */
  get electionTimeout(): number {
    return this.#node.electionTimeout;
  }

  /** Until the next change of role or term. For tests that need a campaign at a known tick. */
  setElectionTimeout(ticks: number): void {
    this.#node.electionTimeout = ticks;
  }

  // ── inside ───────────────────────────────────────────────────────────────

  #stepPeer(message: PeerMessage): RaftErrorCode | undefined {
    const node = this.#node;
    if ("committed" in message) learnCommit(node, message.committed);
    if (!passTermGate(node, message)) return undefined;
    if (isVoteRequest(message)) {
      answerVote(node, message);
      return undefined;
    }
    switch (node.role) {
      case "leader":
        return stepLeader(node, message);
      case "follower":
        return stepFollower(node, message);
      case "candidate":
      case "pre-candidate":
      default:
        return stepCandidate(node, message);
    }
  }

  #propose(entries: readonly ProposedEntry[]): Proposed {
    const node = this.#node;
    if (node.role === "leader") {
      const refusal = acceptProposal(node, entries);
      if (refusal !== undefined) throw refusal;
      return { isLocal: true, index: node.log.lastIndex(), term: node.term };
    }
    const { id } = node;
    const code = this.#stepPeer({ type: "propose-request", from: id, to: id, entries });
    if (code !== undefined) throw this.#refusal(code);
    return { isLocal: false, index: INDEX_ZERO, term: node.term };
  }

  #requireConfigAt(expected: number | undefined): void {
    if (expected === undefined) return;
    if (this.#node.role !== "leader") throw this.#refusal("RAFT_NOT_LEADER");
    if (this.#node.configChangedAt === expected) return;
    throw new RaftError({
      code: "RAFT_CONFIG_CHANGE_REFUSED",
      reason: "config-moved",
      message: `the configuration was changed at ${this.#node.configChangedAt}, not ${expected}`,
    });
  }

  #refusal(code: RaftErrorCode): RaftError {
    const { id, term, leader } = this.#node;
    const message = `node ${id} at term ${term}: ${code}`;
    return new RaftError({ code, message, ...(leader === undefined ? {} : { leader }) });
  }
}
