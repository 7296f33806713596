/**
 * The {@link FileSystem} port in memory, for tests that need a disk which fails on demand: power cuts
 * that lose any legal subset of unsynced effects, failed syncs, full disks, bit rot, slow and hanging
 * calls. Deterministic: the same calls, faults and choices give the same outcome.
 *
 * The disk assumptions are in `memory-disk.ts`.
 */
import { posix } from "node:path";
import type { Clock, FileHandle, FileStat, FileSystem, OpenMode } from "../ports.js";
import type { CrashChoice, CrashDecision } from "./crash-choice.js";
import { type Fault, FaultPlan } from "./fault-plan.js";
import { FileSystemError, PowerCutError } from "./file-system-error.js";
import { MemoryDisk } from "./memory-disk.js";
import { type Effect, type HandleOwner, MemoryFileHandle } from "./memory-file-handle.js";
import { isChange, type Operation, type OperationRequest } from "./operation.js";

/** A clock that blocking calls can move; {@link ManualClock} is one. */
export interface MovableClock extends Clock {
  /** Moves time forward, running what falls due on the way. */
  advance(milliseconds: number): void;
}

/** How a {@link MemoryFileSystem} behaves; all can be left out. */
export interface MemoryFileSystemOptions {
  /** Bytes that files may take in all; a write past it is cut short with `ENOSPC`. @default Infinity */
  readonly capacityBytes?: number;
  /** Handles that may be open at once; one more fails with `EMFILE`. @default Infinity */
  readonly maxOpenHandles?: number;
  /** The clock that faults of type `"delay"` wait for. @default none: such a fault is refused */
  readonly clock?: MovableClock;
  /**
   * Awaited by each asynchronous call between its start and its effect, to shuffle the order in which
   * concurrent calls take effect. @default none: the effect comes with the call
   */
  readonly defer?: (operation: Operation) => Promise<void>;
}

export class MemoryFileSystem implements FileSystem {
  /** Faults to come. */
  readonly faults = new FaultPlan();
  /** When set, every change of the disk fails with `EROFS`. */
  isReadOnly = false;
  /** See {@link MemoryFileSystemOptions.capacityBytes}; may change at any time. */
  capacityBytes: number;
  /** See {@link MemoryFileSystemOptions.maxOpenHandles}; may change at any time. */
  maxOpenHandles: number;
  /** Called before each operation takes effect; may cut the power or take a snapshot. */
  onOperation: ((operation: Operation) => void) | undefined;

  private readonly disk: MemoryDisk;
  private readonly options: MemoryFileSystemOptions;
  private readonly owner: HandleOwner;
  private operations = 0;
  private openHandles = 0;
  private hasPower = true;

  constructor(options: MemoryFileSystemOptions = {}, disk: MemoryDisk = new MemoryDisk()) {
    this.options = options;
    this.disk = disk;
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.maxOpenHandles = options.maxOpenHandles ?? Number.POSITIVE_INFINITY;
    this.owner = {
      run: async (request, effect) => this.run(request, effect),
      runSync: (request, effect) => this.runSync(request, effect),
      room: () => this.room(),
      closed: () => {
        this.openHandles -= 1;
      },
    };
  }

  /** Operations so far; the next one has this number plus one. */
  get operationCount(): number {
    return this.operations;
  }

  /** Handles that are open now; a test that ends with some has found a leak. */
  get openHandleCount(): number {
    return this.openHandles;
  }

  /** The disk as it is now, as an independent twin that later calls do not change. */
  snapshot(): MemoryDisk {
    return this.disk.clone();
  }

  /** From now on every call fails with {@link PowerCutError}; calls that wait never take effect. */
  cutPower(): void {
    this.hasPower = false;
  }

  /** Questions that a power cut now would leave open, see {@link MemoryFileSystem.crash}. */
  crashDecisions(): readonly CrashDecision[] {
    return this.disk.crashDecisions();
  }

  /**
   * Cuts the power and boots again.
   * @param choice an answer per {@link MemoryFileSystem.crashDecisions}; left out, all is lost
   * @returns the file system over what survived; this one stays dead, and so do its handles
   */
  crash(
    choice: CrashChoice = [],
    options: MemoryFileSystemOptions = this.options,
  ): MemoryFileSystem {
    this.cutPower();
    return new MemoryFileSystem(options, this.disk.crash(choice));
  }

  /** Turns over a bit at rest. @throws FileSystemError `ENOENT`, or `EINVAL` past the end */
  flipBit(path: string, offset: number, bit: number): void {
    const file = this.disk.file(path);
    if (offset < 0 || offset >= file.size)
      throw new FileSystemError("EINVAL", path, "past the end");
    file.flipBit(offset, bit);
  }

  /** Every path of a file, sorted. Not an operation: faults and observers do not see it. */
  paths(): readonly string[] {
    return this.disk.paths();
  }

  /** A file's bytes as programs read them. Not an operation, as {@link MemoryFileSystem.paths}. */
  contents(path: string): Uint8Array {
    const file = this.disk.file(path);
    const bytes = new Uint8Array(file.size);
    file.read(bytes, 0);
    return bytes;
  }

  join(...segments: readonly string[]): string {
    return posix.join(...segments);
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    return this.run(this.openRequest(path, mode), (fault) => this.openEffect(path, mode, fault));
  }

  openSync(path: string, mode: OpenMode): FileHandle {
    return this.runSync(this.openRequest(path, mode), (fault) =>
      this.openEffect(path, mode, fault),
    );
  }

  async list(directory: string): Promise<readonly string[]> {
    return this.run(
      { kind: "list", path: directory },
      this.plain(() => this.disk.list(directory)),
    );
  }

  async stat(path: string): Promise<FileStat | undefined> {
    return this.run(
      { kind: "stat", path },
      this.plain(() => this.disk.stat(path)),
    );
  }

  async makeDirectory(path: string): Promise<void> {
    const effect = this.plain(() => this.disk.makeDirectory(path));
    const exists = this.disk.stat(path)?.kind === "directory";
    return this.run({ kind: exists ? "stat" : "make-directory", path }, effect);
  }

  async rename(from: string, to: string): Promise<void> {
    const effect = this.plain(() => this.disk.rename(from, to));
    return this.run({ kind: "rename", path: from, to }, effect);
  }

  async link(existing: string, created: string): Promise<void> {
    const effect = this.plain(() => this.disk.link(existing, created));
    return this.run({ kind: "link", path: existing, to: created }, effect);
  }

  async unlink(path: string): Promise<void> {
    return this.run(
      { kind: "unlink", path },
      this.plain(() => this.disk.unlink(path)),
    );
  }

  unlinkSync(path: string): void {
    this.runSync(
      { kind: "unlink", path },
      this.plain(() => this.disk.unlink(path)),
    );
  }

  async removeDirectory(path: string): Promise<void> {
    const effect = this.plain(() => this.disk.removeDirectory(path));
    return this.run({ kind: "remove-directory", path }, effect);
  }

  async syncDirectory(directory: string): Promise<void> {
    return this.run({ kind: "sync-directory", path: directory }, (fault, path) => {
      const sync = this.plain(() => this.disk.syncDirectory(directory));
      if (fault?.type !== "lying-sync") sync(fault, path);
    });
  }

  async freeBytes(path: string): Promise<number> {
    return this.run(
      { kind: "free-bytes", path },
      this.plain(() => this.room()),
    );
  }

  private openRequest(path: string, mode: OpenMode): OperationRequest {
    return { kind: mode === "create-exclusive" ? "create" : "open", path };
  }

  private openEffect(path: string, mode: OpenMode, fault: Fault | undefined): FileHandle {
    if (fault?.type === "error") throw new FileSystemError(fault.code, path, "planted");
    if (this.openHandles >= this.maxOpenHandles) throw new FileSystemError("EMFILE", path);
    if (this.isReadOnly && mode !== "read") throw new FileSystemError("EROFS", path);
    const file = mode === "create-exclusive" ? this.disk.create(path) : this.disk.file(path);
    this.openHandles += 1;
    return new MemoryFileHandle(this.owner, file, path, mode !== "read");
  }

  /** An effect on which a planted error leaves no trace. */
  private plain<T>(effect: () => T): Effect<T> {
    return (fault, path) => {
      if (fault?.type === "error") throw new FileSystemError(fault.code, path, "planted");
      return effect();
    };
  }

  private room(): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.capacityBytes - this.disk.usedBytes());
  }

  private begin(request: OperationRequest): Operation {
    this.assertPower();
    this.operations += 1;
    const operation: Operation = { ...request, number: this.operations };
    this.onOperation?.(operation);
    this.assertPower();
    return operation;
  }

  private async run<T>(request: OperationRequest, effect: Effect<T>): Promise<T> {
    const operation = this.begin(request);
    const fault = this.faults.take(operation);
    if (fault?.type === "delay") {
      const { clock } = this;
      await new Promise<void>((resolve) => {
        if (fault.milliseconds < Number.POSITIVE_INFINITY)
          clock.schedule(fault.milliseconds, resolve);
      });
    }
    if (this.options.defer !== undefined) await this.options.defer(operation);
    this.assertPower();
    return this.take(operation, () => effect(fault, operation.path));
  }

  private runSync<T>(request: OperationRequest, effect: Effect<T>): T {
    const operation = this.begin(request);
    const fault = this.faults.take(operation);
    if (fault?.type === "delay") this.clock.advance(fault.milliseconds);
    this.assertPower();
    return this.take(operation, () => effect(fault, operation.path));
  }

  private take<T>(operation: Operation, effect: () => T): T {
    const isSync = operation.kind === "sync" || operation.kind === "sync-directory";
    if (this.isReadOnly && isChange(operation) && !isSync) {
      throw new FileSystemError("EROFS", operation.path, "read-only file system");
    }
    return effect();
  }

  private get clock(): MovableClock {
    const { clock } = this.options;
    if (clock === undefined) throw new Error("a delay fault needs a file system with a clock");
    return clock;
  }

  private assertPower(): void {
    if (!this.hasPower) throw new PowerCutError();
  }
}
