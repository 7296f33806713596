// A simulated cluster: real hosts and logs under a virtual clock, on a network and disks that fail.

export type { Invariant, Violation } from "./checker.js";
export type { Coverage, Site } from "./coverage.js";
// What a batch of runs has seen.
export { addCoverage, missedSites, SITES } from "./coverage.js";
// What goes wrong, and when.
export type { Fault, FaultSchedule, FaultTarget, TimedFault } from "./fault-schedule.js";
export { drawSchedule } from "./fault-schedule.js";
// Runs.
export type { SimOptions, SimResult } from "./run-seed.js";
export { runSeed } from "./run-seed.js";
export type { SimSettings } from "./settings.js";
export { drawSettings } from "./settings.js";
export type { ShrunkRun } from "./shrink.js";
export { shrinkRun } from "./shrink.js";
// For state machines of one's own.
export type { MachinePlace, SimulatedMachine } from "./simulated-machine.js";
