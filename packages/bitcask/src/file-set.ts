/**
 * The data files of a store and their descriptors. At most `maxOpenFiles` descriptors are open; the
 * least recently used one without a read under way is closed to make room. A file that a merge has
 * replaced is unlinked once no reader pins it, unless the set is closed by then: its directory may be
 * another's, and the next opening removes such files.
 */
import type { DataFile } from "./data-file.js";
import { BitcaskError } from "./errors.js";
import { isOutOfDescriptors, posixCode, toBitcaskError } from "./io-errors.js";
import type { FileHandle, FileSystem } from "./ports.js";

export class FileSet {
  private readonly fileSystem: FileSystem;
  private readonly maxOpenFiles: number;
  private readonly files = new Map<number, DataFile>();
  /** Replaced files that readers still pin, or whose unlink has not happened yet. */
  private readonly retired = new Set<DataFile>();
  private readonly views = new Set<FileView>();
  private openCount = 0;
  private tick = 0;
  private readCount = 0;
  private onReadsDone: (() => void) | undefined;
  // Invariant: once true, no descriptor is open and no file is opened or unlinked any more.
  private isClosed = false;
  /** Told when a retired file may be unlinked. */
  onUnpinned: ((file: DataFile) => void) | undefined;

  constructor(fileSystem: FileSystem, maxOpenFiles: number) {
    this.fileSystem = fileSystem;
    this.maxOpenFiles = maxOpenFiles;
  }

  add(file: DataFile): void {
    this.files.set(file.id, file);
    // A merge's file: records that views see move there, and must stay there as long.
    if (file.isSealed) for (const view of this.views) view.take(file);
    if (file.handle !== undefined) this.openCount += 1;
  }

  /** The file; it must be there, or have been retired while pinned. */
  get(fileId: number): DataFile {
    const file = this.files.get(fileId);
    if (file === undefined) throw new Error(`assertion: no data file ${fileId}`);
    return file;
  }

  has(fileId: number): boolean {
    return this.files.has(fileId);
  }

  /** Files in use, by ascending id. */
  list(): DataFile[] {
    return [...this.files.values()].sort((a, b) => a.id - b.id);
  }

  /** What the files hold together, and what sealed ones hold that nothing points to. */
  totals(): { readonly liveBytes: number; readonly sealedDeadBytes: number } {
    let liveBytes = 0;
    let sealedDeadBytes = 0;
    for (const file of this.files.values()) {
      liveBytes += file.liveBytes;
      if (file.isSealed) sealedDeadBytes += file.deadBytes;
    }
    return { liveBytes, sealedDeadBytes };
  }

  /**
   * An open descriptor of `file`; valid until the next call on this set unless a read is begun.
   * @throws BitcaskError `BITCASK_CLOSED`, `BITCASK_CORRUPT`, `BITCASK_READ_FAILED`, …
   */
  handleOf(file: DataFile): FileHandle {
    file.lastUsed = ++this.tick;
    if (file.handle !== undefined) return file.handle;
    if (this.isClosed) {
      throw new BitcaskError({ code: "BITCASK_CLOSED", message: "the store is closed" });
    }
    this.makeRoom();
    try {
      file.handle = this.openAnyhow(file.path);
    } catch (error) {
      const isGone = posixCode(error) === "ENOENT";
      const otherwise = isGone ? "BITCASK_CORRUPT" : "BITCASK_READ_FAILED";
      throw toBitcaskError(error, { action: "open", file: file.path, otherwise });
    }
    this.openCount += 1;
    return file.handle;
  }

  /** Closes the descriptor of a sealed file that no read uses. */
  closeIdle(file: DataFile): void {
    if (file.isSealed && file.readCount === 0) this.closeHandle(file);
  }

  /** Keeps `file` on disk, and its descriptor open, for a read that takes time. */
  beginRead(file: DataFile): FileHandle {
    const handle = this.handleOf(file);
    file.readCount += 1;
    this.readCount += 1;
    this.pin(file);
    return handle;
  }

  endRead(file: DataFile): void {
    file.readCount -= 1;
    this.readCount -= 1;
    this.unpin(file);
    if (this.readCount === 0) this.onReadsDone?.();
  }

  /** Reads of a pinned file with any time between them: closing the store waits for none but each one. */
  readerOf(file: DataFile): Pick<FileHandle, "read"> {
    return {
      read: async (into, position) => {
        const handle = this.beginRead(file);
        try {
          return await handle.read(into, position);
        } finally {
          this.endRead(file);
        }
      },
    };
  }

  pin(file: DataFile): void {
    file.pinCount += 1;
  }

  unpin(file: DataFile): void {
    if (file.pinCount <= 0) throw new Error("assertion: unpin without pin");
    file.pinCount -= 1;
    if (this.isClosed) return;
    if (file.pinCount === 0 && this.retired.has(file)) this.onUnpinned?.(file);
  }

  /** Keeps every file on disk that holds a record of now, wherever merges move it. */
  openView(): FileView {
    const view = new FileView(this, (closed) => this.views.delete(closed));
    for (const file of this.files.values()) view.take(file);
    this.views.add(view);
    return view;
  }

  /** Takes `file` out of use. @returns whether it may be unlinked now */
  retire(file: DataFile): boolean {
    this.files.delete(file.id);
    this.retired.add(file);
    return file.pinCount === 0;
  }

  /** Closes and removes a retired file and forgets it. A failure leaves an orphan for the next open. */
  async unlinkRetired(file: DataFile, extraPaths: readonly string[]): Promise<void> {
    if (this.isClosed) throw new Error("assertion: unlink in a closed set of files");
    this.retired.delete(file);
    this.closeHandle(file);
    await this.fileSystem.unlink(file.path);
    for (const path of extraPaths) await this.fileSystem.unlink(path).catch(() => undefined);
  }

  /** Waits for reads under way, then closes every descriptor, for good. */
  async closeAll(): Promise<void> {
    if (this.readCount > 0) {
      await new Promise<void>((resolve) => {
        this.onReadsDone = resolve;
      });
    }
    this.isClosed = true;
    for (const file of [...this.files.values(), ...this.retired]) this.closeHandle(file);
  }

  /** When the process has no descriptor left, one of our own is given up for it. */
  private openAnyhow(path: string): FileHandle {
    try {
      return this.fileSystem.openSync(path, "read");
    } catch (error) {
      if (!isOutOfDescriptors(error) || !this.closeOldest()) throw error;
      return this.fileSystem.openSync(path, "read");
    }
  }

  private makeRoom(): void {
    // With all in use: go over the limit rather than fail; reads under way are few.
    while (this.openCount >= this.maxOpenFiles && this.closeOldest());
  }

  private closeOldest(): boolean {
    let oldest: DataFile | undefined;
    for (const file of [...this.files.values(), ...this.retired]) {
      const mayClose = file.handle !== undefined && file.isSealed && file.readCount === 0;
      if (mayClose && (oldest === undefined || file.lastUsed < oldest.lastUsed)) oldest = file;
    }
    if (oldest === undefined) return false;
    this.closeHandle(oldest);
    return true;
  }

  private closeHandle(file: DataFile): void {
    if (file.handle === undefined) return;
    file.handle.closeSync();
    file.handle = undefined;
    this.openCount -= 1;
  }
}

/** The files that a frozen view of the keydir points into; they are not unlinked before its release. */
export class FileView {
  private readonly set: FileSet;
  private readonly onRelease: (view: FileView) => void;
  private readonly files = new Map<number, DataFile>();

  /** Made by {@link FileSet.openView}. */
  constructor(set: FileSet, onRelease: (view: FileView) => void) {
    this.set = set;
    this.onRelease = onRelease;
  }

  /** Pins `file`, once. */
  take(file: DataFile): void {
    if (this.files.has(file.id)) return;
    this.set.pin(file);
    this.files.set(file.id, file);
  }

  get(fileId: number): DataFile {
    const file = this.files.get(fileId);
    if (file === undefined) throw new Error(`assertion: no data file ${fileId} in the view`);
    return file;
  }

  /** Idempotent. */
  release(): void {
    this.onRelease(this);
    for (const file of this.files.values()) this.set.unpin(file);
    this.files.clear();
  }
}
