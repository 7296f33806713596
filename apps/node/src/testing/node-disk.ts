/** The disk of a node of a test cluster: in memory, where a crash loses what was not synced, or a real directory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeMachine, MemoryFileSystem } from "@titan/bitcask/testing";
import type { StorePorts } from "../store-ports.js";

export interface NodeDisk {
  readonly dataDir: string;
  /** For `startNode`. */
  ports(): Partial<StorePorts>;
  /** The process has ended, and with it, in memory, all that was not synced. */
  crash(): void;
  /** Loses everything. */
  wipe(): Promise<void>;
  /** Frees what it takes. */
  remove(): Promise<void>;
}

class MemoryDisk implements NodeDisk {
  readonly dataDir = "/data";
  #fileSystem = new MemoryFileSystem();
  readonly #machine = new FakeMachine();
  #pid = 1;
  #process = this.#machine.start(1);

  ports(): Partial<StorePorts> {
    return { fileSystem: this.#fileSystem, processes: this.#process };
  }

  crash(): void {
    this.#fileSystem = this.#fileSystem.crash();
    this.#machine.kill(this.#pid);
    this.#pid += 1;
    this.#process = this.#machine.start(this.#pid);
  }

  wipe(): Promise<void> {
    this.#fileSystem = new MemoryFileSystem();
    return Promise.resolve();
  }

  remove(): Promise<void> {
    return this.wipe();
  }
}

class DirectoryDisk implements NodeDisk {
  constructor(readonly dataDir: string) {}

  ports(): Partial<StorePorts> {
    return {};
  }

  crash(): void {
    // The system still has what was written, as after kill -9.
  }

  wipe(): Promise<void> {
    return rm(this.dataDir, { recursive: true, force: true });
  }

  remove(): Promise<void> {
    return this.wipe();
  }
}

export function memoryDisk(): NodeDisk {
  return new MemoryDisk();
}

export async function temporaryDisk(id: string): Promise<NodeDisk> {
  return new DirectoryDisk(await mkdtemp(join(tmpdir(), `titan-${id}-`)));
}
