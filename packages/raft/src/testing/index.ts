/** Conformance suites and stand-ins, for implementations of this package's ports and for tests. */

export type { RegisterTest } from "./conformance-case.js";
export type { FileSystemSubject } from "./file-system-conformance.js";
export { fileSystemConformance } from "./file-system-conformance.js";
// A disk that fails on demand.
export { DiskError, MemoryDisk } from "./memory-disk.js";
export type { Choose } from "./memory-file.js";
export type { DiskFate, DiskOperation, MemoryFileSystemOptions } from "./memory-file-system.js";
export { MemoryFileSystem } from "./memory-file-system.js";
export type { ClockSubject } from "./port-conformance.js";
export { clockConformance, randomConformance } from "./port-conformance.js";
export { SeededRandom } from "./seeded-random.js";
export { stateMachineConformance } from "./state-machine-conformance.js";
export type { StateMachineSubject } from "./state-machine-subject.js";
export type { TransportSubject } from "./transport-conformance.js";
export { transportConformance } from "./transport-conformance.js";
// Time that passes when a test says so.
export { VirtualClock } from "./virtual-clock.js";
