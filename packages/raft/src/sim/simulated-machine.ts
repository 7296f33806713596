/**
 * What is replicated in a run: the simulator's own registers, or a user's state machine. The simulator
 * puts a number before each command, by which it knows the command again wherever it is applied, and
 * compares members after each.
 */

import type { StateMachine } from "../host/state-machine.js";
import type { SeededRandom } from "../testing/seeded-random.js";
import type { FileSystem } from "../wal/ports.js";

/** Where a state machine is to live. */
export interface MachinePlace {
  readonly node: number;
  readonly group: number;
  /** The node's faulty disk; no other machine is given the directory. */
  readonly fileSystem: FileSystem;
  readonly directory: string;
}

/** A state machine to be simulated. It may use nothing but what it is given: no clock, no chance. */
export interface SimulatedMachine {
  /** Makes the state machine of a member; again after each start of its process. */
  create(place: MachinePlace): StateMachine;
  /** The next command of a client. */
  command(random: SeededRandom): Uint8Array;
  /**
   * All that matters of the state. Members that have applied the same commands must have the same.
   * Asked after each batch, so it should be cheap.
   */
  fingerprint?(machine: StateMachine): string | number;
}
