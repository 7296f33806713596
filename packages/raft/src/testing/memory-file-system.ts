/**
 * The {@link FileSystem} port in memory, for tests that need a disk which fails on demand: power cuts that
 * lose any legal part of what was not synced, failed syncs and writes, a full disk, slow and hanging
 * calls. Deterministic: the same calls and the same answers of `fate` and `choose` give the same outcome.
 *
 * What a call changes is seen by others at once, however late the caller is told. The assumptions about
 * disks are in `memory-file.ts` and `memory-disk.ts`.
 */

import { posix } from "node:path";
import type { Clock, FileHandle, FileStat, FileSystem, OpenMode } from "../wal/ports.js";
import { DiskError, MemoryDisk } from "./memory-disk.js";
import { type Choose, type MemoryFile, SECTOR_BYTES } from "./memory-file.js";

/** A call of the file system. */
export interface DiskOperation {
  readonly kind:
    | "open"
    | "create"
    | "read"
    | "write"
    | "sync"
    | "size"
    | "close"
    | "list"
    | "stat"
    | "make-directory"
    | "rename"
    | "link"
    | "unlink"
    | "sync-directory";
  readonly path: string;
}

/** What is to become of a call. */
export interface DiskFate {
  /** It answers so much later; `Infinity`: never. Blocking calls do not wait. @default 0 */
  readonly delayMs?: number;
  /** It fails with this POSIX code; a write may then have been done in part. */
  readonly error?: string;
}

export interface MemoryFileSystemOptions {
  /** @default an empty one */
  readonly disk?: MemoryDisk;
  /** For calls that take time. */
  readonly clock?: Pick<Clock, "schedule">;
  /** Asked about each call. @default all succeed at once */
  readonly fate?: (operation: DiskOperation) => DiskFate | undefined;
  /** How much of a failed write or sync was done. @default nothing */
  readonly choose?: Choose;
}

export class MemoryFileSystem implements FileSystem {
  readonly disk: MemoryDisk;
  /** Bytes that all files may take; a write past it is cut short with `ENOSPC`. May change. */
  capacityBytes = Number.POSITIVE_INFINITY;
  readonly #options: MemoryFileSystemOptions;

  constructor(options: MemoryFileSystemOptions = {}) {
    this.#options = options;
    this.disk = options.disk ?? new MemoryDisk();
  }

  /** Bytes that are left. */
  get freeBytes(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return this.capacityBytes;
    return Math.max(0, this.capacityBytes - this.disk.usedBytes);
  }

  join(...segments: readonly string[]): string {
    return posix.join(...segments);
  }

  open(path: string, mode: OpenMode): Promise<FileHandle> {
    return this.run(openOperation(path, mode), () => this.#open(path, mode));
  }

  openSync(path: string, mode: OpenMode): FileHandle {
    return this.runSync(openOperation(path, mode), () => this.#open(path, mode));
  }

  list(directory: string): Promise<readonly string[]> {
    return this.run({ kind: "list", path: directory }, () => this.disk.list(directory));
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.run({ kind: "stat", path }, () => this.disk.stat(path));
  }

  makeDirectory(path: string): Promise<void> {
    return this.run({ kind: "make-directory", path }, () => this.disk.makeDirectory(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.run({ kind: "rename", path: from }, () => this.disk.rename(from, to));
  }

  link(existing: string, created: string): Promise<void> {
    return this.run({ kind: "link", path: existing }, () => this.disk.link(existing, created));
  }

  unlink(path: string): Promise<void> {
    return this.run({ kind: "unlink", path }, () => this.disk.unlink(path));
  }

  syncDirectory(directory: string): Promise<void> {
    const operation = { kind: "sync-directory", path: directory } as const;
    return this.run(operation, () => undefined, {
      end: () => this.disk.syncDirectory(directory),
    });
  }

  /**
   * @internal A call that answers by promise.
   * @param ends done when the answer comes: `end` when it is good, `fail` when it is not
   */
  run<Result>(
    operation: DiskOperation,
    effect: () => Result,
    ends: { readonly end?: () => void; readonly fail?: () => void } = {},
  ): Promise<Result> {
    const { clock, fate } = this.#options;
    const { delayMs = 0, error } = fate?.(operation) ?? {};
    const answer = (): Result => {
      if (error !== undefined) {
        ends.fail?.();
        throw new DiskError(error, operation.path);
      }
      const result = effect();
      ends.end?.();
      return result;
    };
    if (delayMs === 0) return settled(answer);
    return this.#late(delayMs, clock, ends, { operation, error, effect });
  }

  /** @internal A call that blocks. */
  runSync<Result>(operation: DiskOperation, effect: () => Result, fail?: () => void): Result {
    const { error } = this.#options.fate?.(operation) ?? {};
    if (error === undefined) return effect();
    fail?.();
    throw new DiskError(error, operation.path);
  }

  /** @internal */
  choose(count: number): number {
    return this.#options.choose?.(count) ?? 0;
  }

  async #late<Result>(
    delayMs: number,
    clock: Pick<Clock, "schedule"> | undefined,
    ends: { readonly end?: () => void; readonly fail?: () => void },
    call: {
      readonly operation: DiskOperation;
      readonly error: string | undefined;
      readonly effect: () => Result;
    },
  ): Promise<Result> {
    // What a call changes is there at once; only the answer is late.
    const result = call.error === undefined ? call.effect() : undefined;
    await new Promise<void>((resolve) => {
      if (delayMs < Number.POSITIVE_INFINITY) clock?.schedule(delayMs, resolve);
    });
    if (call.error !== undefined) {
      ends.fail?.();
      throw new DiskError(call.error, call.operation.path);
    }
    ends.end?.();
    return result as Result;
  }

  #open(path: string, mode: OpenMode): FileHandle {
    const isNew = mode === "create-exclusive";
    const file = isNew ? this.disk.create(path) : this.disk.file(path);
    return new MemoryFileHandle(this, file, { path, isWritable: mode !== "read" });
  }
}

class MemoryFileHandle implements FileHandle {
  readonly #fileSystem: MemoryFileSystem;
  readonly #file: MemoryFile;
  readonly #path: string;
  readonly #isWritable: boolean;
  #isOpen = true;

  constructor(
    fileSystem: MemoryFileSystem,
    file: MemoryFile,
    how: { readonly path: string; readonly isWritable: boolean },
  ) {
    this.#fileSystem = fileSystem;
    this.#file = file;
    this.#path = how.path;
    this.#isWritable = how.isWritable;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const effect = (): number => this.#usable().read(into, position);
    return this.#fileSystem.run(this.#operation("read"), effect);
  }

  readSync(into: Uint8Array, position: number): number {
    const effect = (): number => this.#usable().read(into, position);
    return this.#fileSystem.runSync(this.#operation("read"), effect);
  }

  write(chunk: Uint8Array, position: number): Promise<void> {
    const effect = (): void => this.#write(chunk, position);
    const fail = (): void => this.#writePart(chunk, position);
    return this.#fileSystem.run(this.#operation("write"), effect, { fail });
  }

  writeSync(chunk: Uint8Array, position: number): void {
    const effect = (): void => this.#write(chunk, position);
    const fail = (): void => this.#writePart(chunk, position);
    this.#fileSystem.runSync(this.#operation("write"), effect, fail);
  }

  sync(): Promise<void> {
    const through = this.#file.beginSync();
    return this.#fileSystem.run(this.#operation("sync"), () => void this.#usable(), {
      end: () => this.#file.endSync(through),
      fail: () => this.#failSync(through),
    });
  }

  syncSync(): void {
    const through = this.#file.beginSync();
    const effect = (): void => this.#usable().endSync(through);
    const fail = (): void => this.#failSync(through);
    this.#fileSystem.runSync(this.#operation("sync"), effect, fail);
  }

  size(): Promise<number> {
    return this.#fileSystem.run(this.#operation("size"), () => this.#usable().size);
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }

  closeSync(): void {
    this.#isOpen = false;
  }

  #operation(kind: DiskOperation["kind"]): DiskOperation {
    return { kind, path: this.#path };
  }

  #usable(): MemoryFile {
    if (!this.#isOpen) throw new DiskError("EBADF", this.#path);
    return this.#file;
  }

  #write(chunk: Uint8Array, position: number): void {
    const file = this.#usable();
    if (!this.#isWritable) throw new DiskError("EBADF", this.#path);
    const growth = chunk.length === 0 ? 0 : position + chunk.length - file.size;
    const { freeBytes } = this.#fileSystem;
    if (growth <= freeBytes) {
      file.write(chunk, position);
      return;
    }
    const fitting = Math.max(0, chunk.length - (growth - freeBytes));
    file.write(chunk.subarray(0, fitting), position);
    throw new DiskError("ENOSPC", this.#path);
  }

  #writePart(chunk: Uint8Array, position: number): void {
    const sectors = Math.ceil(chunk.length / SECTOR_BYTES);
    const done = this.#fileSystem.choose(sectors + 1) * SECTOR_BYTES;
    this.#usable().write(chunk.subarray(0, done), position);
  }

  #failSync(through: number): void {
    this.#file.failSync(through, (count) => this.#fileSystem.choose(count));
  }
}

function openOperation(path: string, mode: OpenMode): DiskOperation {
  return { kind: mode === "create-exclusive" ? "create" : "open", path };
}

async function settled<Result>(answer: () => Result): Promise<Result> {
  return answer();
}
