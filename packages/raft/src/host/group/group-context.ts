/** What a group needs of its host, and what it is made of. */

import type { ConfigState } from "../../core/configuration.js";
import type { RaftErrorCode } from "../../core/errors.js";
import type { LogPosition, NodeId } from "../../core/ids.js";
import type { PeerMessage, SnapshotRequest } from "../../core/message.js";
import type { RaftCore } from "../../core/raft-core.js";
import type { Snapshot } from "../../core/storage.js";
import type { ByteBudget } from "../byte-budget.js";
import type { WriteJob } from "../log-writer.js";
import type { ResolvedHostOptions } from "../options.js";
import type { HostPorts } from "../ports.js";
import type { SessionTable } from "../session/session-table.js";
import type { StateMachine } from "../state-machine.js";
import type { WireMessage } from "../wire/host-message.js";
import type { Compaction } from "./compaction.js";
import type { HostedGroup } from "./hosted-group.js";
import type { TimedLease } from "./leader-lease.js";

/** The host, as its groups see it. Nothing that it is asked here happens before the turn's end. */
export interface GroupContext {
  readonly nodeId: NodeId;
  readonly options: ResolvedHostOptions;
  readonly ports: HostPorts;
  /** Of proposals that wait for a turn, over all groups. */
  readonly budget: ByteBudget;
  /** The group has work. */
  markDirty(group: HostedGroup): void;
  send(group: HostedGroup, message: WireMessage): void;
  /** Whether there is a way to `peer`, as far as the transport knows. */
  isUp(peer: NodeId): boolean;
  sendSnapshot(group: HostedGroup, message: SnapshotRequest): void;
  write(job: WriteJob): void;
  onRefused(message: PeerMessage, code: RaftErrorCode): void;
  onFailed(group: HostedGroup, cause: unknown): void;
}

/** Where a group starts. */
export interface GroupStart {
  readonly config: ConfigState;
  /** That of the snapshot it starts from. */
  readonly applied: LogPosition;
  /** The last command up to there, or the snapshot's own place when it does not tell. */
  readonly lastCommand: number;
  /** Commands up to here are in the state machine already. */
  readonly skipThrough: number;
}

export interface GroupParts {
  readonly group: number;
  readonly core: RaftCore;
  readonly machine: StateMachine;
  readonly sessions: SessionTable;
  readonly start: GroupStart;
  readonly limits: { readonly maxAppendBytes: number; readonly maxEntryBytes: number };
  readonly compaction: Compaction;
  /** Undefined when there are none. */
  readonly lease: TimedLease | undefined;
  /** Puts a snapshot that the log has taken in into sessions and state machine. */
  restore(snapshot: Snapshot): Promise<void>;
}
