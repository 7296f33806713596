// The shared log.

export type { AppendReceipt } from "./append-queue.js";
export type { CommandPorts } from "./command-line.js";
// To look into a log without opening it.
export { runWalCommand } from "./command-line.js";
export type { DamagedRegion, DamageReport, LostEntries } from "./damage.js";
export { describeDamage } from "./damage.js";
export type { RaftWalErrorCode, WalOutcome } from "./errors.js";
// What may go wrong.
export { isRaftWalError, RaftWalError } from "./errors.js";
export type { CollectReport, PinnedSegment } from "./garbage-collector.js";
export type { GroupUpdate } from "./group-update.js";
export type { DumpedRecord, VerifyReport } from "./inspect-log.js";
export { dumpWal, verifyWal } from "./inspect-log.js";
export type { GroupBytes } from "./live-bytes.js";
export { NodeFileSystem } from "./node-file-system.js";
export { nodePorts } from "./node-ports.js";
// Settings.
export type { AppendMeasure, RaftWalOptions, WalObserver, WriteStall } from "./options.js";
// For bring-your-own I/O.
export type {
  Clock,
  FileHandle,
  FileStat,
  FileSystem,
  OpenMode,
  ProcessIdentity,
  ProcessTable,
  Random,
  WalPorts,
} from "./ports.js";
export type { WalStats } from "./raft-wal.js";
export { RaftWal } from "./raft-wal.js";
export type { WalRecord } from "./record.js";
export type { RecoveryReport } from "./recovery.js";
