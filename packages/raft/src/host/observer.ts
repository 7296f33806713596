/** What a host tells while it runs, for logs, metrics and tests. */

import type { NodeId } from "../core/ids.js";
import type { CoreEvent } from "../core/options.js";

/** Why something that came from another host was dropped. */
export type DropReason =
  /** Bytes that are no frame of a version known here. */
  | "malformed"
  /** The group is not open on this host. */
  | "unknown-group"
  /** It asks for what only a member of the group may ask for. */
  | "no-member"
  /** The group has stopped on this host. */
  | "group-failed"
  /** The inbox is full. */
  | "inbox-full"
  /** The core refused it; the code is in `detail`. */
  | "refused";

/** One write to the log, of what all groups had to write. */
export interface LogWrite {
  /** Updates of groups in it; several of one group count each. */
  readonly updates: number;
  /** Of entries and what comes with them, about. */
  readonly bytes: number;
  /** Made durable, and not just written. */
  readonly isSynced: boolean;
  /** Milliseconds that it took. */
  readonly ms: number;
}

/**
 * Told how much is done, and how long it took: counts, bytes and milliseconds, once for a batch and never
 * for a single proposal, so that it may feed any metrics. What is not given costs nothing.
 */
export interface HostMeter {
  /** The log has written something: the time is that of write and fdatasync. */
  onWrite?(write: LogWrite): void;
  /** Proposals of one turn have been applied here: the time from then, replication and all. */
  onApplied?(group: number, proposals: number, ms: number): void;
  /** The state machine has taken in commands. */
  onCommands?(group: number, commands: number, ms: number): void;
  /** Reads of one round may be served: the time from when the leader was asked. */
  onReads?(group: number, reads: number, ms: number): void;
  /** A frame has been handed to the transport, or was refused by it. */
  onFrameSent?(to: NodeId, bytes: number, isTaken: boolean): void;
  /** A frame has been taken in. */
  onFrameReceived?(from: NodeId, bytes: number): void;
}

/** Told what happens. Must not throw, nor call back into the host. */
export interface HostObserver extends HostMeter {
  /** Something in the protocol of one group: elections, configurations, snapshots. */
  onGroupEvent?(group: number, event: CoreEvent): void;
  /** A group has stopped on this host. */
  onGroupFailed?(group: number, error: unknown): void;
  /** The log failed: all groups have stopped. Whoever runs the host should end the process. */
  onLogFailed?(error: unknown): void;
  /** Space has become short where the log is, or is so no more. */
  onSpace?(isShort: boolean): void;
  /** The index of the log is full, and logs are being cut; or it has room again. */
  onIndexFull?(isFull: boolean): void;
  /** Something from another host was dropped. */
  onDropped?(from: NodeId, reason: DropReason, detail: string): void;
  /** The timer came late by this much: the event loop, or the process, stood still. */
  onStall?(lateMs: number): void;
  /** A write to the log has been under way for longer than `diskStallMs`, or no longer is. */
  onDiskStall?(isStalled: boolean): void;
  /** A snapshot of a group has been made, and the log cut behind it. */
  onCompacted?(group: number, index: number): void;
  /** A snapshot could not be made, or could not be sent or received; it is tried again. */
  onSnapshotFailed?(group: number, error: unknown): void;
}
