/** In-memory ports, faults, crashes and conformance suites, for tests of the store and of what uses it. */

export type { RegisterTest } from "./conformance-case.js";
export type { CrashBounds, CrashChoice, CrashDecision } from "./crash-choice.js";
export { crashChoices, crashCount } from "./crash-choice.js";
export { FakeMachine } from "./fake-process-table.js";
export type { Fault, FaultRule } from "./fault-plan.js";
export { FaultPlan } from "./fault-plan.js";
export type { FileSystemSubject } from "./file-system-conformance.js";
export { fileSystemConformance } from "./file-system-conformance.js";
export { FileSystemError, PowerCutError } from "./file-system-error.js";
export { ManualClock } from "./manual-clock.js";
export { MemoryDisk } from "./memory-disk.js";
export type { FailedSyncPages } from "./memory-file.js";
export type { MemoryFileSystemOptions, MovableClock } from "./memory-file-system.js";
export { MemoryFileSystem } from "./memory-file-system.js";
export type { Operation, OperationKind } from "./operation.js";
export { isChange } from "./operation.js";
export type { ClockSubject, ProcessTableSubject } from "./port-conformance.js";
export {
  clockConformance,
  processTableConformance,
  randomConformance,
} from "./port-conformance.js";
export { SECTOR_BYTES } from "./sector-bytes.js";
export { SeededRandom, seedFrom } from "./seeded-random.js";
