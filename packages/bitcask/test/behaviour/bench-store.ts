/** A store on a simulated disk, clock and machine, for tests of behaviour. */
import { Bitcask, type BitcaskOptions } from "../../src/index.js";
import {
  FakeMachine,
  ManualClock,
  type MemoryDisk,
  MemoryFileSystem,
  SeededRandom,
} from "../../src/testing/index.js";

export const DIRECTORY = "/data/store";

export class Bench {
  readonly clock = new ManualClock();
  readonly machine = new FakeMachine();
  fileSystem: MemoryFileSystem;
  private readonly random = new SeededRandom(1);
  private nextPid = 100;

  /** @param disk what lies on it already */
  constructor(disk?: MemoryDisk) {
    this.fileSystem = new MemoryFileSystem({ clock: this.clock }, disk);
  }

  /** Opens the store as a new process. */
  open(options: BitcaskOptions = {}): Promise<Bitcask> {
    const processes = this.machine.start(this.nextPid++);
    const { fileSystem, clock, random } = this;
    return Bitcask.open(DIRECTORY, { ...options, ports: { fileSystem, clock, random, processes } });
  }

  /** Kills every process so far; what they wrote is in the page cache still. */
  kill(): void {
    for (let pid = 100; pid < this.nextPid; pid++) this.machine.kill(pid);
    const disk = this.fileSystem.snapshot();
    this.fileSystem.cutPower();
    this.fileSystem = new MemoryFileSystem({ clock: this.clock }, disk);
  }

  /** Cuts the power: everything that was not synced is lost. */
  cutPower(): void {
    for (let pid = 100; pid < this.nextPid; pid++) this.machine.kill(pid);
    this.fileSystem = this.fileSystem.crash();
  }

  path(name: string): string {
    return `${DIRECTORY}/${name}`;
  }

  /** Names in the store's directory. */
  names(): string[] {
    const paths = this.fileSystem.paths().filter((path) => path.startsWith(`${DIRECTORY}/`));
    return paths.map((path) => path.slice(DIRECTORY.length + 1));
  }

  async read(name: string): Promise<Buffer> {
    const handle = await this.fileSystem.open(this.path(name), "read");
    const bytes = Buffer.alloc(await handle.size());
    await handle.read(bytes, 0);
    await handle.close();
    return bytes;
  }

  /** Creates or replaces a file. */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = this.path(name);
    if ((await this.fileSystem.stat(path)) !== undefined) await this.fileSystem.unlink(path);
    const handle = await this.fileSystem.open(path, "create-exclusive");
    await handle.write(bytes, 0);
    await handle.sync();
    await handle.close();
  }
}

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString();
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
