/** A simulated machine that runs one store, can lose power, and boots again over what is left. */
import { Bitcask, type ProcessIdentity, type ProcessTable, type Random } from "../../src/index.js";
import type { InternalOptions } from "../../src/options.js";
import {
  ManualClock,
  MemoryDisk,
  MemoryFileSystem,
  type MemoryFileSystemOptions,
} from "../../src/testing/index.js";

/** Where the store is, in every simulated machine. */
export const DIRECTORY = "/data/store";

/** Settings under which a few writes fill a file. */
export const TINY_FILES: InternalOptions = { dataFileMaxBytes: 512, autoMerge: false };

/** The same, and every closing leaves an image of the index. */
export const TINY_IMAGED: InternalOptions = { ...TINY_FILES, minImagedKeys: 0 };

/** What a machine is made of; all can be left out. */
export interface MachineParts {
  /** @default {@link TINY_FILES} */
  readonly options?: InternalOptions;
  /** @default an empty one */
  readonly disk?: MemoryDisk;
  readonly fileSystem?: MemoryFileSystemOptions;
  readonly clock?: ManualClock;
}

export class Machine {
  readonly fileSystem: MemoryFileSystem;
  readonly clock: ManualClock;
  private readonly options: InternalOptions;
  private readonly process: SimulatedProcess;

  constructor(parts: MachineParts = {}) {
    const { options = TINY_FILES, disk = new MemoryDisk(), clock = new ManualClock() } = parts;
    this.options = options;
    this.clock = clock;
    this.process = unknownProcess(disk);
    this.fileSystem = new MemoryFileSystem({ clock, ...parts.fileSystem }, disk);
  }

  /** Opens the store; nobody else is alive on this machine. */
  async open(): Promise<Bitcask> {
    const { fileSystem, clock, process } = this;
    const ports = { fileSystem, clock, processes: process, random: process };
    return Bitcask.open(DIRECTORY, { ...this.options, ports });
  }

  /** Ends the process, and with the power its reach to the disk. */
  stop(): void {
    this.fileSystem.cutPower();
  }
}

/** A process with a number of its own, and dice that never give the same twice. */
class SimulatedProcess implements ProcessTable, Random {
  private readonly number: number;
  private draws = 0;

  constructor(number: number) {
    this.number = number;
  }

  self(): ProcessIdentity {
    return { pid: this.number, host: "test-host", startToken: tokenOf(this.number) };
  }

  /** Nobody else runs on a machine that has just booted. */
  isAlive(holder: ProcessIdentity): "alive" | "dead" {
    return holder.startToken === tokenOf(this.number) ? "alive" : "dead";
  }

  nextInt(bound: number): number {
    this.draws += 1;
    return (this.number * 0x10000 + this.draws) % bound;
  }
}

function tokenOf(process: number): string {
  return `process-${process};`;
}

/**
 * The first process of which the disk knows nothing, neither its token nor a file named by its dice.
 * A small number comes up again and again, because images of disks are to repeat.
 */
function unknownProcess(disk: MemoryDisk): SimulatedProcess {
  const paths = disk.paths();
  const texts = paths.map((path) => textOf(disk, path));
  for (let number = 1; ; number += 1) {
    const drawn = new RegExp(`[.-]${number.toString(16).padStart(4, "0")}[0-9a-f]{12}`);
    const isKnown =
      paths.some((path) => drawn.test(path)) ||
      texts.some((text) => text.includes(tokenOf(number)));
    if (!isKnown) return new SimulatedProcess(number);
  }
}

function textOf(disk: MemoryDisk, path: string): string {
  const file = disk.file(path);
  const bytes = new Uint8Array(file.size);
  file.read(bytes, 0);
  return Buffer.from(bytes).toString("latin1");
}
