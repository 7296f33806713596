/** An open file of {@link MemoryFileSystem}. */
import type { FileHandle } from "../ports.js";
import type { Fault } from "./fault-plan.js";
import { FileSystemError } from "./file-system-error.js";
import type { MemoryFile } from "./memory-file.js";
import type { OperationKind, OperationRequest } from "./operation.js";

/** What a handle needs of the file system that opened it. */
export interface HandleOwner {
  /** Numbers the call, lets faults strike, then runs `effect`. */
  run<T>(request: OperationRequest, effect: Effect<T>): Promise<T>;
  /** As {@link HandleOwner.run}, blocking. */
  runSync<T>(request: OperationRequest, effect: Effect<T>): T;
  /** Bytes that `file` may still grow by. */
  room(): number;
  closed(file: MemoryFile): void;
}

/** A call's work. An effect that gets a fault applies what the fault leaves of it, and throws. */
export type Effect<T> = (fault: Fault | undefined, path: string) => T;

export class MemoryFileHandle implements FileHandle {
  private isOpen = true;
  private readonly owner: HandleOwner;
  private readonly file: MemoryFile;
  private readonly path: string;
  private readonly isWritable: boolean;

  constructor(owner: HandleOwner, file: MemoryFile, path: string, isWritable: boolean) {
    this.owner = owner;
    this.file = file;
    this.path = path;
    this.isWritable = isWritable;
    file.openHandles += 1;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const request = this.request("read", position, into.length);
    return this.owner.run(request, (fault) => this.readEffect(into, position, fault));
  }

  readSync(into: Uint8Array, position: number, from = 0, to = into.length): number {
    const part = into.subarray(from, to);
    const request = this.request("read", position, part.length);
    return this.owner.runSync(request, (fault) => this.readEffect(part, position, fault));
  }

  async write(chunk: Uint8Array, position: number): Promise<void> {
    const request = this.request("write", position, chunk.length);
    return this.owner.run(request, (fault) => this.writeEffect(chunk, position, fault));
  }

  writeSync(chunk: Uint8Array, position: number): void {
    const request = this.request("write", position, chunk.length);
    this.owner.runSync(request, (fault) => this.writeEffect(chunk, position, fault));
  }

  async sync(): Promise<void> {
    // Only what was written before the call is promised, however long the call takes.
    const upTo = this.file.ordinal;
    return this.owner.run(this.request("sync"), (fault) => this.syncEffect(upTo, fault));
  }

  syncSync(): void {
    const upTo = this.file.ordinal;
    this.owner.runSync(this.request("sync"), (fault) => this.syncEffect(upTo, fault));
  }

  async truncate(size: number): Promise<void> {
    return this.owner.run(this.request("truncate", size), (fault) => {
      this.assertUsable(fault, true);
      if (size - this.file.size > this.owner.room()) throw this.error("ENOSPC");
      this.file.truncate(size);
    });
  }

  async size(): Promise<number> {
    return this.owner.run(this.request("size"), (fault) => {
      this.assertUsable(fault, false);
      return this.file.size;
    });
  }

  async close(): Promise<void> {
    this.closeSync();
  }

  closeSync(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.file.openHandles -= 1;
    this.owner.closed(this.file);
  }

  private readEffect(into: Uint8Array, position: number, fault: Fault | undefined): number {
    this.assertUsable(fault, false);
    const count = this.file.read(into, position);
    if (fault?.type === "flip-read" && fault.offset < count) {
      into[fault.offset] = (into[fault.offset] ?? 0) ^ (1 << fault.bit);
    }
    return count;
  }

  private writeEffect(chunk: Uint8Array, position: number, fault: Fault | undefined): void {
    if (fault?.type === "error") {
      this.file.write(chunk.subarray(0, fault.writtenBytes ?? 0), position);
    }
    this.assertUsable(fault, true);
    const growth = position + chunk.length - this.file.size;
    const room = this.owner.room();
    if (growth > room) {
      const fits = Math.max(0, chunk.length - (growth - room));
      this.file.write(chunk.subarray(0, fits), position);
      throw this.error("ENOSPC");
    }
    this.file.write(chunk, position);
  }

  private syncEffect(upTo: number, fault: Fault | undefined): void {
    if (fault?.type === "error") this.file.failSync(fault.pages ?? "dropped");
    this.assertUsable(fault, false);
    if (fault?.type !== "lying-sync") this.file.sync(upTo);
  }

  private assertUsable(fault: Fault | undefined, forWriting: boolean): void {
    if (!this.isOpen) throw this.error("EBADF");
    if (forWriting && !this.isWritable) throw this.error("EBADF");
    if (fault?.type === "error") throw this.error(fault.code);
  }

  private error(code: string): FileSystemError {
    return new FileSystemError(code, this.path);
  }

  private request(kind: OperationKind, position?: number, length?: number): OperationRequest {
    return {
      kind,
      path: this.path,
      ...(position === undefined ? {} : { position }),
      ...(length === undefined ? {} : { length }),
    };
  }
}
