// For hosts: the node, its work, and what may go wrong.

export type {
  ConfigChange,
  ConfigOperation,
  ConfigTransition,
  MemberChange,
} from "./config-change.js";
// Membership.
export {
  decodeConfigChange,
  encodeConfigChange,
  encodeSingleConfigChange,
  formatMemberChanges,
  LEAVE_JOINT,
  parseMemberChanges,
} from "./config-change.js";
export type { ConfigState } from "./configuration.js";
export { EMPTY_CONFIG_STATE, foundingConfig, isSameMembership } from "./configuration.js";
export type { Entry, EntryType, ProposedEntry } from "./entry.js";
// The log, and bring-your-own storage.
export { entryBytes } from "./entry.js";
export type { ConfigChangeReason, InvariantReason, RaftErrorCode } from "./errors.js";
export { isRaftError, RaftError } from "./errors.js";
export { foundingSnapshot } from "./founding.js";
export type { LogIndex, LogPosition, NodeId, Term } from "./ids.js";
// Numbers.
export { toLogIndex, toNodeId, toTerm } from "./ids.js";
export { MemoryStorage } from "./memory-storage.js";
export type {
  AppendDone,
  AppendRequest,
  AppendResponse,
  ApplyDone,
  HeartbeatRequest,
  HeartbeatResponse,
  Message,
  MessageType,
  PeerMessage,
  ProposeRequest,
  ReadRequest,
  ReadResponse,
  SnapshotRequest,
  StorageMessage,
  TimeoutNow,
  TransferRequest,
  VoteRequest,
  VoteResponse,
} from "./message.js";
// Messages, for transports.
export { isStorageMessage } from "./message.js";
// Settings.
export type {
  ConfigChangeValidation,
  CoreEvent,
  CoreObserver,
  LeaderLease,
  RaftCoreDeps,
  RaftCoreOptions,
  Random,
  ReadMode,
  Role,
} from "./options.js";
export type { ProgressState } from "./progress.js";
export type { ConfigChangeOptions, Proposed } from "./raft-core.js";
export { RaftCore } from "./raft-core.js";
export type { AppendTask, ApplyTask, ReadState, Ready, SoftState } from "./ready.js";
export type { MemberStatus, NodeStatus } from "./status.js";
export type { HardState, LogStorage, Snapshot, SnapshotMeta } from "./storage.js";
