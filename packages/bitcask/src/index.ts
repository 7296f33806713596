export { Bitcask } from "./bitcask.js"; // For applications.
export type { ByteSource } from "./care/backup-reader.js";
export type { CheckpointReport } from "./care/checkpoint.js";
export type { Damage, DamageKind, LostRecord } from "./care/damage.js"; // For looking after a store.
export { type RepairOptions, type RepairReport, repair } from "./care/repair.js";
export { type RestoreOptions, type RestoreReport, restore } from "./care/restore.js";
export type { CareProgress } from "./care/store-examination.js";
export { type VerifiedFile, type VerifyOptions, type VerifyReport, verify } from "./care/verify.js";
export { brotliCodec, type Codec, deflateCodec } from "./compression/codec.js";
export type { CompressionOptions } from "./compression/value-packer.js";
export type { EncryptionKeySource, EncryptionOptions } from "./encryption/encryption-options.js";
export {
  BitcaskError,
  type BitcaskErrorCode,
  isBitcaskError,
  type WriteOutcome,
} from "./errors.js";
export type { BitcaskEvent, BitcaskObserver } from "./events.js";
export type { MergeOptions, MergeResult } from "./merge.js";
export { NodeFileSystem } from "./node-file-system.js";
export { NodeProcessTable } from "./node-process-table.js";
export type {
  BatchOperation,
  BitcaskOptions,
  BitcaskPorts,
  PutOptions,
  ScanOptions,
  SyncMode,
  WriteOptions,
} from "./options.js";
export type {
  Clock,
  FileHandle,
  FileStat,
  FileSystem,
  OpenMode,
  ProcessIdentity,
  ProcessTable,
  Random,
} from "./ports.js"; // For bring-your-own I/O.
export { Snapshot } from "./snapshot.js";
export type {
  BitcaskStats,
  CacheStats,
  CutZeros,
  DataFileStats,
  IgnoredFile,
  MergeStats,
  OpenReport,
  TornTail,
  WriteStats,
} from "./stats.js";
export { SystemClock } from "./system-clock.js";
export { SystemRandom } from "./system-random.js";
