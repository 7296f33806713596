// For applications: groups in one process, and what they replicate.

// Members and places in the log.
export type { ConfigChange, MemberChange } from "./core/config-change.js";
export { parseMemberChanges } from "./core/config-change.js";
export type { ConfigState } from "./core/configuration.js";
export type { RaftErrorCode } from "./core/errors.js";
export { isRaftError, RaftError } from "./core/errors.js";
export type { LogIndex, LogPosition, NodeId, Term } from "./core/ids.js";
export { toNodeId } from "./core/ids.js";
export type { CoreEvent, Role } from "./core/options.js";
export type { MemberStatus, NodeStatus } from "./core/status.js";
export type { SessionRequest } from "./host/envelope.js";
export type { ProposalOutcome, RaftHostErrorCode } from "./host/errors.js";
// What may go wrong, everywhere in this package.
export { isRaftHostError, RaftHostError } from "./host/errors.js";
export type { GroupInit } from "./host/group/open-group.js";
export type { Applied, AppliedConfig } from "./host/group/proposals.js";
// For bring-your-own I/O.
export { MemoryGroupLogs } from "./host/memory-group-logs.js";
export type { DropReason, HostMeter, HostObserver, LogWrite } from "./host/observer.js";
export type { OpenHost, OpenHostInit, OpenHostOptions } from "./host/open-host.js";
export { openHost } from "./host/open-host.js";
// Settings, and what is told while it runs.
export type { CompactionOptions, GroupOptions, RaftHostOptions } from "./host/options.js";
export type { GroupLogs, HostPorts } from "./host/ports.js";
export { nodeFreeBytes, nodeHostPorts } from "./host/ports.js";
export type {
  CallOptions,
  ChangeConfigOptions,
  GroupStatus,
  ProposeOptions,
} from "./host/raft-group.js";
export { RaftGroup } from "./host/raft-group.js";
export type { HostStatus, RaftHostDeps } from "./host/raft-host.js";
export { RaftHost } from "./host/raft-host.js";
export type {
  ApplyResults,
  Command,
  InMemoryStateMachine,
  OnDiskStateMachine,
  SnapshotChunks,
  StateMachine,
  TakenSnapshot,
} from "./host/state-machine.js";
