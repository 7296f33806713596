/**
 * Where repair keeps what it takes out of a store: a folder in the store's directory, filled with second
 * names before the first ones go, so that no byte is without a name at any moment.
 */
import { posixCode } from "../io-errors.js";
import type { FileSystem } from "../ports.js";

const COPY_CHUNK_BYTES = 1024 * 1024;

export class Quarantine {
  readonly directory: string;
  private readonly fileSystem: FileSystem;
  private readonly source: string;
  private readonly names: string[] = [];

  private constructor(fileSystem: FileSystem, source: string, directory: string) {
    this.fileSystem = fileSystem;
    this.source = source;
    this.directory = directory;
  }

  /** Makes `damaged-<n>` in `source`, the first that is free. */
  static async create(fileSystem: FileSystem, source: string): Promise<Quarantine> {
    for (let number = 1; ; number += 1) {
      const directory = fileSystem.join(source, `damaged-${number}`);
      if ((await fileSystem.stat(directory)) !== undefined) continue;
      await fileSystem.makeDirectory(directory);
      return new Quarantine(fileSystem, source, directory);
    }
  }

  /** Gives the files of these names in the store a second name here, durably. Missing ones are skipped. */
  async keep(names: readonly string[]): Promise<void> {
    const { fileSystem, source, directory } = this;
    for (const name of names) {
      const path = fileSystem.join(source, name);
      if ((await fileSystem.stat(path)) === undefined) continue;
      this.names.push(name);
      await linkOrCopy(fileSystem, path, fileSystem.join(directory, name));
    }
    await fileSystem.syncDirectory(directory);
    await fileSystem.syncDirectory(source);
  }

  /** Paths of everything kept. */
  get paths(): string[] {
    return this.names.map((name) => this.fileSystem.join(this.directory, name));
  }

  /** Removes the first names, which the store no longer needs. */
  async removeOriginals(): Promise<void> {
    const { fileSystem, source } = this;
    // The manifest has been replaced: the name stands for the new one.
    for (const name of this.names.filter((name) => name !== "manifest")) {
      await fileSystem.unlink(fileSystem.join(source, name));
    }
    await fileSystem.syncDirectory(source);
  }

  /** The repair failed before it changed anything: the second names go again. */
  async abandon(): Promise<void> {
    for (const path of this.paths) await this.fileSystem.unlink(path).catch(() => undefined);
    await this.fileSystem.removeDirectory(this.directory).catch(() => undefined);
  }
}

async function linkOrCopy(fileSystem: FileSystem, from: string, to: string): Promise<void> {
  try {
    await fileSystem.link(from, to);
  } catch (error) {
    // File systems without hard links, such as exFAT.
    const cannotLink = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"];
    if (!cannotLink.includes(posixCode(error) ?? "")) throw error;
    await copy(fileSystem, from, to);
  }
}

async function copy(fileSystem: FileSystem, from: string, to: string): Promise<void> {
  const source = await fileSystem.open(from, "read");
  try {
    const target = await fileSystem.open(to, "create-exclusive");
    try {
      const chunk = Buffer.allocUnsafe(COPY_CHUNK_BYTES);
      let position = 0;
      for (;;) {
        const count = await source.read(chunk, position);
        if (count === 0) break;
        await target.write(chunk.subarray(0, count), position);
        position += count;
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
