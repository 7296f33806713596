/** A machine for logs: a disk in memory, a clock by hand, dice with a seed, processes that can die. */

import { FakeMachine, ManualClock, MemoryFileSystem, SeededRandom } from "@titan/bitcask/testing";
import type { RaftWalOptions } from "../../../src/wal/options.js";
import type { WalPorts } from "../../../src/wal/ports.js";
import { RaftWal } from "../../../src/wal/raft-wal.js";

export const DIRECTORY = "/data/raft";

/** Small enough that a test meets every boundary. */
export const SMALL: RaftWalOptions = {
  segmentBytes: 4096,
  maxBatchBytes: 2048,
  cacheBytes: 512,
  autoCollect: false,
};

let nextPid = 1;

export interface World extends WalPorts {
  readonly fileSystem: MemoryFileSystem;
  readonly clock: ManualClock;
}

export function createWorld(fileSystem = new MemoryFileSystem(), seed = 1): World {
  return {
    fileSystem,
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    // A fresh boot: whoever held the lock before is dead.
    processes: new FakeMachine().start(nextPid++),
  };
}

export function openWal(world: WalPorts, options: RaftWalOptions = {}): Promise<RaftWal> {
  return RaftWal.open(DIRECTORY, world, { ...SMALL, ...options });
}

/** The world after a power cut in which all that was not synced is lost, or what `choice` says. */
export function crash(world: World, choice?: readonly number[]): World {
  return createWorld(world.fileSystem.crash(choice));
}

export async function reopened(world: World, options: RaftWalOptions = {}): Promise<RaftWal> {
  return openWal(crash(world), options);
}
