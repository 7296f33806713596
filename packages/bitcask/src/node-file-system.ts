/**
 * The machine's disk behind the {@link FileSystem} port. Short reads and writes are continued;
 * errors pass through unchanged, with their POSIX code.
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
const ftruncateAsync = promisify(fs.ftruncate);
const fstatAsync = promisify(fs.fstat);
const closeAsync = promisify(fs.close);

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

export class NodeFileSystem implements FileSystem {
  join(...segments: readonly string[]): string {
    return join(...segments);
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    const descriptor = await promisify<string, string, number>(fs.open)(path, OPEN_FLAGS[mode]);
    return new NodeFileHandle(descriptor);
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
      return { kind, size: found.size, inode: found.ino };
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

  unlinkSync(path: string): void {
    fs.unlinkSync(path);
  }

  removeDirectory(path: string): Promise<void> {
    return fs.promises.rmdir(path);
  }

  async syncDirectory(directory: string): Promise<void> {
    // Windows has no handle for a directory to sync; its names are journalled by NTFS.
    if (process.platform === "win32") return;
    const handle = await fs.promises.open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async freeBytes(path: string): Promise<number> {
    const { bavail, bsize } = await fs.promises.statfs(path);
    return bavail * bsize;
  }
}

class NodeFileHandle implements FileHandle {
  private readonly descriptor: number;
  private isOpen = true;

  constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.assertOpen();
    let done = 0;
    while (done < into.length) {
      const left = into.length - done;
      const { bytesRead } = await readAsync(this.descriptor, into, done, left, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  readSync(into: Uint8Array, position: number, from = 0, to = into.length): number {
    this.assertOpen();
    let at = from;
    while (at < to) {
      const count = fs.readSync(this.descriptor, into, at, to - at, position + at - from);
      if (count === 0) break;
      at += count;
    }
    return at - from;
  }

  async write(chunk: Uint8Array, position: number): Promise<void> {
    this.assertOpen();
    let done = 0;
    while (done < chunk.length) {
      const left = chunk.length - done;
      const { bytesWritten } = await writeAsync(
        this.descriptor,
        chunk,
        done,
        left,
        position + done,
      );
      assertProgress(bytesWritten);
      done += bytesWritten;
    }
  }

  writeSync(chunk: Uint8Array, position: number): void {
    this.assertOpen();
    let done = 0;
    while (done < chunk.length) {
      const left = chunk.length - done;
      const count = fs.writeSync(this.descriptor, chunk, done, left, position + done);
      assertProgress(count);
      done += count;
    }
  }

  async sync(): Promise<void> {
    this.assertOpen();
    await fdatasyncAsync(this.descriptor);
  }

  syncSync(): void {
    this.assertOpen();
    fs.fdatasyncSync(this.descriptor);
  }

  async truncate(size: number): Promise<void> {
    this.assertOpen();
    await ftruncateAsync(this.descriptor, size);
  }

  async size(): Promise<number> {
    this.assertOpen();
    return (await fstatAsync(this.descriptor)).size;
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await closeAsync(this.descriptor);
  }

  closeSync(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    fs.closeSync(this.descriptor);
  }

  /** A closed number may already name another file: using it could damage a stranger. */
  private assertOpen(): void {
    if (!this.isOpen) throw Object.assign(new Error("file is closed"), { code: "EBADF" });
  }
}

/** write(2) may store less than asked, but a regular file never stores nothing without an error. */
function assertProgress(count: number): void {
  if (count <= 0) throw Object.assign(new Error("write made no progress"), { code: "EIO" });
}
