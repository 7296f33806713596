/** Level databases on a simulated disk. */
import type { BitcaskLevelOptions } from "../../src/level/index.js";
import { BitcaskLevel } from "../../src/level/index.js";
import {
  FakeMachine,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
} from "../../src/testing/index.js";

export const LOCATION = "/data/level";

export class LevelBench {
  readonly clock = new ManualClock();
  readonly machine = new FakeMachine();
  fileSystem = new MemoryFileSystem({ clock: this.clock });
  private pid = 100;

  /** A database that opens itself, as a process of its own. */
  create<K = string, V = string>(options: BitcaskLevelOptions<K, V> = {}): BitcaskLevel<K, V> {
    const { fileSystem, clock, machine } = this;
    const random = new SeededRandom(this.pid);
    const processes = machine.start(this.pid++);
    const ports = { fileSystem, clock, random, processes };
    return new BitcaskLevel<K, V>(LOCATION, { ...options, ports });
  }

  /** Ends all processes and cuts the power: what was not synced is lost. */
  cutPower(): void {
    for (let pid = 100; pid < this.pid; pid++) this.machine.kill(pid);
    this.fileSystem = this.fileSystem.crash();
  }
}
