/** One group, for those who use it. */

import { type ConfigChange, encodeConfigChange } from "../core/config-change.js";
import { type LogIndex, type NodeId, toLogIndex, toNodeId } from "../core/ids.js";
import type { Role } from "../core/options.js";
import type { ConfigChangeOptions } from "../core/raft-core.js";
import type { NodeStatus } from "../core/status.js";
import {
  type SessionRequest,
  wrapCloseSession,
  wrapCommand,
  wrapOpenSession,
  wrapSessionCommand,
} from "./envelope.js";
import { RaftHostError } from "./errors.js";
import type { HostedGroup } from "./group/hosted-group.js";
import type { Applied, AppliedConfig } from "./group/proposals.js";
import type { HostEngine } from "./host-engine.js";

export interface ProposeOptions extends CallOptions {
  /** Makes the command one of a session: proposed again, it is not applied again. */
  readonly session?: SessionRequest;
  /** The command frees space: it is taken as long as there is any. @default false */
  readonly freesSpace?: boolean;
}

export interface CallOptions {
  /** Milliseconds after which the call gives up. @default 10_000 */
  readonly timeoutMs?: number;
}

export interface ChangeConfigOptions extends CallOptions, ConfigChangeOptions {}

/** What there is to see of a group on this host. */
export interface GroupStatus extends NodeStatus {
  readonly group: number;
  readonly state: "running" | "failed" | "closed";
  /** This member leads, and for a while need not ask others before it serves a read. */
  readonly hasLease: boolean;
  /** Proposals and reads that have no answer yet. */
  readonly proposals: number;
  readonly reads: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * A group on this host. Calls fail with an error that has a `code` and an `outcome`: a `RaftError` when
 * the protocol refuses, a `RaftHostError` otherwise. Outcome `"not-applied"`: it never will be. Outcome
 * `"unknown"`: it may have been, or may still be.
 */
export class RaftGroup {
  readonly #hosted: HostedGroup;
  readonly #engine: HostEngine;

  /** Made by `RaftHost.openGroup`. */
  constructor(hosted: HostedGroup, engine: HostEngine) {
    this.#hosted = hosted;
    this.#engine = engine;
  }

  get id(): number {
    return this.#hosted.group;
  }

  /** A group that does not run on this host counts as a follower. */
  get role(): Role {
    return this.#isRunning ? this.#hosted.core.role : "follower";
  }

  /** Who leads, as far as this host knows. */
  get leader(): NodeId | undefined {
    return this.#isRunning ? this.#hosted.core.leader : undefined;
  }

  /** 0 before the first election, and for a group that does not run on this host. */
  get term(): number {
    return this.#isRunning ? this.#hosted.core.term : 0;
  }

  /** Everything up to here is committed, as far as this host knows; 0 where the group does not run. */
  get commitIndex(): number {
    return this.#isRunning ? this.#hosted.core.commitIndex : 0;
  }

  /** This member leads, and for a while need not ask others before it serves a read. */
  get hasLease(): boolean {
    return this.#isRunning && this.#hosted.core.hasLease;
  }

  /** Term of the entry at `index` of this host's log; undefined for one that it has not. */
  termAt(index: number): number | undefined {
    return this.#isRunning ? this.#hosted.core.termAt(toLogIndex(index)) : undefined;
  }

  /**
   * Replicates a command and applies it. To be called at the leader.
   * @param command copied before the call returns
   * @returns the state machine's answer on this host; the command is then committed
   * @throws RaftError `RAFT_NOT_LEADER` with `leader`, `RAFT_NO_LEADER`, `RAFT_BACKLOG_FULL`,
   *   `RAFT_ENTRY_TOO_LARGE`, `RAFT_TRANSFER_IN_PROGRESS`, `RAFT_REMOVED`; RaftHostError
   *   `RAFT_HOST_OVERLOADED`, `RAFT_HOST_NO_SPACE`, `RAFT_HOST_SUPERSEDED`, and with outcome "unknown"
   *   `RAFT_HOST_TIMEOUT`, `RAFT_HOST_LOST_SIGHT`, `RAFT_HOST_GROUP_FAILED`, `RAFT_HOST_LOG_FAILED`,
   *   `RAFT_HOST_CLOSED`; in a session also `RAFT_HOST_SESSION_EXPIRED`, `RAFT_HOST_SESSION_FULL`,
   *   `RAFT_HOST_ALREADY_ANSWERED`, `RAFT_HOST_ANSWER_LOST`
   */
  propose(command: Uint8Array, options: ProposeOptions = {}): Promise<Applied> {
    const { session } = options;
    const isPlain = session === undefined;
    return this.#propose(
      isPlain ? wrapCommand(command) : wrapSessionCommand(checked(session), command),
      options,
    );
  }

  /**
   * Opens a session, in which a command that is proposed again is not applied again. Sessions are part of
   * the replicated state; of 4,096 the one that was not used for longest makes room for another.
   * @returns the client's number, for `SessionRequest`
   * @throws as `propose`
   */
  async openSession(options: CallOptions = {}): Promise<number> {
    const { index } = await this.#propose(wrapOpenSession(), options);
    return index;
  }

  /** Ends a session. One that has ended already is no error. @throws as `propose` */
  async closeSession(client: number, options: CallOptions = {}): Promise<void> {
    assertCount("client", client);
    await this.#propose(wrapCloseSession(client), options);
  }

  /**
   * Resolves when a read of this host's state machine sees all that was acknowledged anywhere before the
   * call. May be called at any member.
   * @returns the index that the read is sure to see
   * @throws RaftError `RAFT_NO_LEADER`, `RAFT_READ_BACKLOG_FULL`; RaftHostError
   *   `RAFT_HOST_OVERLOADED`, `RAFT_HOST_TIMEOUT`, `RAFT_HOST_GROUP_FAILED`, `RAFT_HOST_CLOSED`
   */
  readIndex(options: CallOptions = {}): Promise<LogIndex> {
    const { refusal } = this.#hosted;
    if (refusal !== undefined) return Promise.reject(refusal);
    const index = this.#hosted.reads.enqueue(this.#deadline(options));
    this.#wake();
    return index;
  }

  /**
   * Changes who is in the group. Resolves when the change is applied on this host; one of several members
   * then goes through a joint configuration that ends by itself. To be called at the leader; one that
   * removes itself hands over first.
   * @throws RaftError as `propose`, and `RAFT_CONFIG_CHANGE_REFUSED` with a `reason`; RaftHostError as
   *   `propose`
   */
  async changeConfig(
    change: ConfigChange,
    options: ChangeConfigOptions = {},
  ): Promise<AppliedConfig> {
    const refusal = this.#refusal(true);
    if (refusal !== undefined) throw refusal;
    // A change that cannot be encoded is the caller's mistake, and none of the group's business.
    encodeConfigChange(change);
    const { timeoutMs: _, ...coreOptions } = options;
    return this.#hosted.changeConfig(change, coreOptions, this.#deadline(options));
  }

  /**
   * Hands leadership to `member`, or asks the leader to. Takes effect, if at all, within an election
   * timeout; proposals are refused meanwhile.
   * @throws RaftError `RAFT_NO_LEADER`; RaftHostError `RAFT_HOST_GROUP_FAILED`, also when the group
   *   stops because of this call, `RAFT_HOST_CLOSED`; RangeError when `member` is no node id
   */
  transferLeadership(member: number): void {
    const transferee = toNodeId(member);
    this.#hosted.call(() => this.#hosted.core.transferLeadership(transferee));
  }

  /**
   * Campaigns now, unless this member leads or may not.
   * @throws RaftHostError `RAFT_HOST_GROUP_FAILED`, `RAFT_HOST_CLOSED`
   */
  campaign(): void {
    this.#hosted.call(() => this.#hosted.core.campaign());
  }

  status(): GroupStatus {
    const { core, group, state, proposals, reads } = this.#hosted;
    return {
      ...core.status(),
      role: this.role,
      leader: this.leader,
      group,
      state,
      hasLease: this.hasLease,
      proposals: proposals.count,
      reads: reads.count,
    };
  }

  #propose(data: Uint8Array, options: ProposeOptions): Promise<Applied> {
    const refusal = this.#refusal(options.freesSpace === true);
    if (refusal !== undefined) return Promise.reject(refusal);
    const applied = this.#hosted.proposals.enqueue(data, this.#deadline(options));
    this.#wake();
    return applied;
  }

  #wake(): void {
    this.#hosted.wake();
    this.#engine.markDirty(this.#hosted);
  }

  get #isRunning(): boolean {
    return this.#hosted.state === "running";
  }

  #refusal(freesSpace: boolean): RaftHostError | undefined {
    if (this.#hosted.refusal !== undefined) return this.#hosted.refusal;
    const { isOutOfSpace, isShortOfSpace, isIndexFull } = this.#engine;
    if (freesSpace ? !isOutOfSpace : !isShortOfSpace) {
      if (freesSpace || !isIndexFull) return undefined;
      const message = "the index of the log is full: groups are cutting their logs";
      return new RaftHostError({ code: "RAFT_HOST_OVERLOADED", message });
    }
    const message = "space is short where the log is; reads go on";
    return new RaftHostError({ code: "RAFT_HOST_NO_SPACE", message });
  }

  #deadline({ timeoutMs = DEFAULT_TIMEOUT_MS }: CallOptions): number {
    if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs must be above 0: ${timeoutMs}`);
    return this.#engine.ports.clock.monotonicMs() + timeoutMs;
  }
}

function checked(session: SessionRequest): SessionRequest {
  assertCount("client", session.client);
  assertCount("request", session.request);
  assertCount("answeredThrough", session.answeredThrough, 0);
  return session;
}

function assertCount(name: string, value: number, least = 1): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`${name} must be an integer of at least ${least}: ${value}`);
}
