/**
 * The machine's disk behind the {@link FileSystem} port. Short reads and writes are continued; errors
 * pass through unchanged, with their POSIX code.
 */

import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { FileHandle, FileStat, FileSystem, OpenMode } from "./ports.js";

const OPEN_FLAGS: Readonly<Record<OpenMode, string>> = {
  read: "r",
  "read-write": "r+",
  "create-exclusive": "wx+",
};

const readAsync = promisify(fs.read);
const writeAsync = promisify(fs.write);
const fdatasyncAsync = promisify(fs.fdatasync);

export class NodeFileSystem implements FileSystem {
  join(...segments: readonly string[]): string {
    return join(...segments);
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    return new NodeFileHandle(await promisify(fs.open)(path, OPEN_FLAGS[mode], 0o666));
  }

  openSync(path: string, mode: OpenMode): FileHandle {
    return new NodeFileHandle(fs.openSync(path, OPEN_FLAGS[mode]));
  }

  list(directory: string): Promise<readonly string[]> {
    return fs.promises.readdir(directory);
  }

  async stat(path: string): Promise<FileStat | undefined> {
    try {
      const found = await fs.promises.stat(path);
      const kind = found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
      return { kind, size: found.size };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Not with Node's `recursive`: where the parent is there and ENOENT stays (procfs), it never ends. */
  async makeDirectory(path: string): Promise<void> {
    if ((await makeOneDirectory(path)) === undefined) return;
    const parent = dirname(path);
    if (parent !== path) await this.makeDirectory(parent);
    const problem = await makeOneDirectory(path);
    if (problem !== undefined) throw problem;
  }

  rename(from: string, to: string): Promise<void> {
    return fs.promises.rename(from, to);
  }

  link(existing: string, created: string): Promise<void> {
    return fs.promises.link(existing, created);
  }

  unlink(path: string): Promise<void> {
    return fs.promises.unlink(path);
  }

  async syncDirectory(directory: string): Promise<void> {
    // Windows has no handle for a directory to sync; NTFS journals its names.
    if (process.platform === "win32") return;
    const handle = await fs.promises.open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

class NodeFileHandle implements FileHandle {
  readonly #descriptor: number;
  #isOpen = true;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const descriptor = this.#usable();
    for (let done = 0; ; ) {
      const left = into.length - done;
      if (left === 0) return done;
      const { bytesRead } = await readAsync(descriptor, into, done, left, position + done);
      if (bytesRead === 0) return done;
      done += bytesRead;
    }
  }

  readSync(into: Uint8Array, position: number): number {
    const descriptor = this.#usable();
    for (let done = 0; ; ) {
      const left = into.length - done;
      const count = left === 0 ? 0 : fs.readSync(descriptor, into, done, left, position + done);
      if (count === 0) return done;
      done += count;
    }
  }

  async write(chunk: Uint8Array, position: number): Promise<void> {
    const descriptor = this.#usable();
    for (let done = 0; done < chunk.length; ) {
      const left = chunk.length - done;
      const { bytesWritten } = await writeAsync(descriptor, chunk, done, left, position + done);
      done += progress(bytesWritten);
    }
  }

  writeSync(chunk: Uint8Array, position: number): void {
    const descriptor = this.#usable();
    for (let done = 0; done < chunk.length; ) {
      const left = chunk.length - done;
      done += progress(fs.writeSync(descriptor, chunk, done, left, position + done));
    }
  }

  async sync(): Promise<void> {
    await fdatasyncAsync(this.#usable());
  }

  syncSync(): void {
    fs.fdatasyncSync(this.#usable());
  }

  async size(): Promise<number> {
    return (await promisify(fs.fstat)(this.#usable())).size;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await promisify(fs.close)(this.#descriptor);
  }

  closeSync(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    fs.closeSync(this.#descriptor);
  }

  /** A closed number may name another file by now: using it could damage a stranger. */
  #usable(): number {
    if (!this.#isOpen) throw Object.assign(new Error("the file is closed"), { code: "EBADF" });
    return this.#descriptor;
  }
}

/** A regular file takes at least a byte of a write, or there is an error that was not told. */
function progress(count: number): number {
  if (count > 0) return count;
  throw Object.assign(new Error("the write made no progress"), { code: "EIO" });
}

/** @returns the error when it is for want of a parent; nothing when the directory is there now */
async function makeOneDirectory(path: string): Promise<Error | undefined> {
  try {
    await fs.promises.mkdir(path);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return error as Error;
    if (code === "EEXIST" && (await fs.promises.stat(path)).isDirectory()) return undefined;
    throw error;
  }
}
