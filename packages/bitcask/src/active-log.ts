/**
 * The end of the log: where records are appended, synced, and where a full file gives way to a new one.
 * One caller at a time (the write queue).
 *
 * A rotation syncs the old file, creates the new one, and takes effect when the manifest names it:
 * records only ever go to a file that a durable manifest names.
 */
import { DataFile, dataFileName } from "./data-file.js";
import { DATA_HEADER_BYTES, encodeDataFileHeader } from "./data-file-header.js";
import type { KeyRing } from "./encryption/key-ring.js";
import { BitcaskError } from "./errors.js";
import { FileReserve } from "./file-reserve.js";
import type { FileSet } from "./file-set.js";
import type { Health } from "./health.js";
import { isShortage, toBitcaskError } from "./io-errors.js";
import type { ManifestStore } from "./manifest-store.js";
import type { FileHandle, FileSystem, Random } from "./ports.js";
import type { RecordBuffer } from "./record-buffer.js";
import { withRotation } from "./store-files.js";
import type { StoreTime } from "./store-time.js";

export interface ActiveLogDependencies {
  readonly fileSystem: FileSystem;
  readonly random: Random;
  readonly directory: string;
  readonly files: FileSet;
  readonly manifest: ManifestStore;
  readonly health: Health;
  readonly time: StoreTime;
  readonly keys: KeyRing;
  readonly dataFileMaxBytes: number;
}

export class ActiveLog {
  private readonly dependencies: ActiveLogDependencies;
  private activeFile: DataFile | undefined;
  /** Of the next record. Sequence numbers of refused writes are used again. */
  private nextSequence: number;
  private nextFileId: number;
  private readonly reserve: FileReserve;
  syncCount = 0;
  /** Told once, when the first records have been written. */
  onFirstAppend: (() => void) | undefined;
  /** Told after a rotation, with the file that was sealed. */
  onSealed: ((file: DataFile) => void) | undefined;

  constructor(
    dependencies: ActiveLogDependencies,
    state: {
      readonly active: DataFile | undefined;
      readonly nextSequence: number;
      readonly nextFileId: number;
    },
  ) {
    this.dependencies = dependencies;
    this.reserve = new FileReserve(dependencies.dataFileMaxBytes);
    this.activeFile = state.active;
    this.nextSequence = state.nextSequence;
    this.nextFileId = state.nextFileId;
  }

  /** The file that takes writes. */
  get file(): DataFile {
    if (this.activeFile === undefined) throw new Error("assertion: the log has not been begun");
    return this.activeFile;
  }

  /** Lowest sequence number that the next record can get. */
  get upcomingSequence(): number {
    return this.nextSequence;
  }

  /** Id for a new data file, never given before. */
  takeFileId(): number {
    return this.nextFileId++;
  }

  get upcomingFileId(): number {
    return this.nextFileId;
  }

  /** Bytes that the active file may still take. */
  get room(): number {
    return this.dependencies.dataFileMaxBytes - this.file.size;
  }

  /** Whether the active file must give way before so many bytes. A fresh one takes anything, once. */
  isTooFullFor(bytes: number): boolean {
    return bytes > this.room && this.file.size > DATA_HEADER_BYTES;
  }

  get hasUnsynced(): boolean {
    return this.file.durableSize < this.file.size;
  }

  /**
   * Numbers and checksums the records in `[from, to)` for the next append.
   * @returns how many there are
   */
  seal(records: RecordBuffer, from: number, to: number): number {
    return records.seal(from, to, this.nextSequence, this.file);
  }

  /**
   * Appends sealed records, blocking.
   * @param isSynced whether a sync follows at once
   * @throws BitcaskError
   */
  appendSync(records: Uint8Array, recordCount: number, isSynced: boolean): void {
    const { file, handle } = this;
    const end = file.size + records.length;
    try {
      handle.writeSync(records, file.size);
      if (isSynced && this.reserve.isWanted(file, records.length, end)) {
        this.reserve.extend(file, handle, end);
      }
    } catch (error) {
      throw this.writeFailure(error);
    }
    this.advance(records.length, recordCount);
  }

  /** Appends sealed records. @throws BitcaskError */
  async append(records: Uint8Array, recordCount: number): Promise<void> {
    const { file } = this;
    try {
      await this.handle.write(records, file.size);
    } catch (error) {
      throw this.writeFailure(error);
    }
    this.advance(records.length, recordCount);
  }

  /** Makes everything appended so far durable, blocking. @throws BitcaskError */
  syncSync(): void {
    const { file } = this;
    if (file.durableSize === file.size) return;
    try {
      this.handle.syncSync();
    } catch (error) {
      throw this.syncFailure(error);
    }
    file.durableSize = file.size;
    this.syncCount += 1;
  }

  /** Makes everything appended so far durable. @throws BitcaskError */
  async sync(): Promise<void> {
    const { file } = this;
    const { size } = file;
    if (file.durableSize === size) return;
    try {
      await this.handle.sync();
    } catch (error) {
      throw this.syncFailure(error);
    }
    file.durableSize = size;
    this.syncCount += 1;
  }

  /**
   * Restores the file after a failed append that {@link isShortage} explains.
   * @throws BitcaskError when that fails too; the store is then poisoned
   */
  async undoAppend(): Promise<void> {
    await this.cut();
  }

  /** Cuts off what was reserved ahead, and syncs: the file then is what its size says. */
  async trim(): Promise<void> {
    const { file } = this;
    if (file.reservedSize > file.size) await this.cut();
    else await this.sync();
  }

  /** @throws BitcaskError the poisoning error */
  private async cut(): Promise<void> {
    const { file } = this;
    try {
      await this.handle.truncate(file.size);
    } catch (error) {
      throw this.poison("BITCASK_WRITE_FAILED", "cut", error);
    }
    // Until the cut is durable, a crash could bring pieces of refused records back.
    try {
      await this.handle.sync();
    } catch (error) {
      throw this.syncFailure(error);
    }
    file.durableSize = file.size;
    file.reservedSize = 0;
  }

  /**
   * Begins a new file and seals the one before, durably.
   * @throws BitcaskError `BITCASK_DISK_FULL`, `BITCASK_TOO_MANY_FILES` when nothing has changed;
   *   after any other failure the store is poisoned
   */
  async rotate(): Promise<void> {
    const { files, manifest, time } = this.dependencies;
    const before = this.activeFile;
    if (before !== undefined) await this.trim();
    const created = await this.createFile();
    try {
      await manifest.replace((current) => ({
        ...current,
        nextFileId: Math.max(this.nextFileId, current.nextFileId),
        nextSequence: this.nextSequence,
        timeFloorMs: Math.max(time.floor, current.timeFloorMs),
        files: withRotation(current.files, before, created),
      }));
    } catch (error) {
      // Poisoned: the manifest on disk may name the new file, so it stays.
      if (this.dependencies.health.isPoisoned) {
        await created.handle?.close();
      } else {
        await this.discard(created);
      }
      throw error;
    }
    // Not before: what counts as sealed may be merged away, and a rotation that fails leaves the
    // old file in use.
    if (before !== undefined) before.isSealed = true;
    time.markRecorded(manifest.current.timeFloorMs);
    files.add(created);
    this.activeFile = created;
    if (before !== undefined) this.onSealed?.(before);
  }

  private get handle(): FileHandle {
    return this.dependencies.files.handleOf(this.file);
  }

  private advance(bytes: number, recordCount: number): void {
    const { file } = this;
    if (file.minSequence > this.nextSequence) file.minSequence = this.nextSequence;
    file.size += bytes;
    this.nextSequence += recordCount;
    if (this.onFirstAppend === undefined) return;
    this.onFirstAppend();
    this.onFirstAppend = undefined;
  }

  private async createFile(): Promise<DataFile> {
    const { fileSystem, directory, random, manifest, time, keys } = this.dependencies;
    const id = this.takeFileId();
    const path = fileSystem.join(directory, dataFileName(id));
    const salt = random.nextInt(2 ** 32);
    const { storeId } = manifest.current;
    const cipher = keys.cipherOfNew({ fileId: id, salt, storeId });
    const identity = { id, path, salt, isMerged: false, cipher, size: DATA_HEADER_BYTES };
    const file = new DataFile(identity);
    const createdAtMs = time.now();
    const header = { fileId: id, storeId, salt, isMerged: false, createdAtMs };
    try {
      file.handle = await fileSystem.open(path, "create-exclusive");
      await file.handle.write(encodeDataFileHeader(header, cipher), 0);
    } catch (error) {
      await this.discard(file);
      throw this.refusalOrPoison(error, path);
    }
    try {
      await file.handle.sync();
    } catch (error) {
      await this.discard(file);
      throw this.poison("BITCASK_SYNC_FAILED", "sync", error, path);
    }
    return file;
  }

  /** Drops a file that no manifest names. What is left of it, the next open removes. */
  private async discard(file: DataFile): Promise<void> {
    await file.handle?.close().catch(() => undefined);
    await this.dependencies.fileSystem.unlink(file.path).catch(() => undefined);
  }

  private refusalOrPoison(error: unknown, path: string): BitcaskError {
    if (!isShortage(error)) return this.poison("BITCASK_WRITE_FAILED", "create", error, path);
    return toBitcaskError(error, {
      action: "create",
      file: path,
      otherwise: "BITCASK_WRITE_FAILED",
      outcome: "not-applied",
    });
  }

  private writeFailure(error: unknown): BitcaskError {
    if (!isShortage(error)) return this.poison("BITCASK_WRITE_FAILED", "write to", error);
    return toBitcaskError(error, {
      action: "write to",
      file: this.file.path,
      otherwise: "BITCASK_WRITE_FAILED",
      outcome: "not-applied",
    });
  }

  private syncFailure(error: unknown): BitcaskError {
    return this.poison("BITCASK_SYNC_FAILED", "sync", error);
  }

  private poison(
    code: "BITCASK_SYNC_FAILED" | "BITCASK_WRITE_FAILED",
    action: string,
    cause: unknown,
    file = this.file.path,
  ): BitcaskError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot ${action} ${file}: ${reason}`;
    return this.dependencies.health.poison(
      new BitcaskError({ code, message, file, cause, outcome: "unknown" }),
    );
  }
}
