/**
 * The file that a merge writes: records and hint under temporary names, synced, then renamed. It is
 * part of the store only once the manifest names it.
 */
import { DataFile, dataFileName, hintFileName } from "./data-file.js";
import { DATA_HEADER_BYTES, encodeDataFileHeader } from "./data-file-header.js";
import type { FileCipher } from "./encryption/file-cipher.js";
import { HintBuilder } from "./hint-file.js";
import type { FileHandle, FileSystem } from "./ports.js";
import {
  COMPRESSED,
  ENCRYPTED,
  HAS_EXPIRY,
  type RecordContent,
  recordBytes,
  sealRecord,
  TOMBSTONE,
  writeRecord,
} from "./record-format.js";

const CHUNK_BYTES = 1024 * 1024;
/** Bytes between two syncs: a large one at the end would hold up the syncs of those who write. */
const SYNC_BYTES = 4 * CHUNK_BYTES;

export interface MergeOutputIdentity {
  readonly id: number;
  readonly salt: number;
  readonly storeId: string;
  readonly createdAtMs: number;
  /** The file's own. `undefined`: it is not encrypted. */
  readonly cipher: FileCipher | undefined;
}

export class MergeOutput {
  private readonly fileSystem: FileSystem;
  private readonly identity: MergeOutputIdentity;
  private readonly dataPath: string;
  private readonly hintPath: string;
  private handle: FileHandle | undefined;
  private chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  private chunkBytes = 0;
  /** Where the chunk begins in the file. */
  private written = DATA_HEADER_BYTES;
  private synced = DATA_HEADER_BYTES;
  private minSequence = Number.POSITIVE_INFINITY;
  private tombstoneBytes = 0;
  /** What has been added, for the hint and for moving the keydir over. */
  readonly hint = new HintBuilder();

  constructor(fileSystem: FileSystem, directory: string, identity: MergeOutputIdentity) {
    this.fileSystem = fileSystem;
    this.identity = identity;
    this.dataPath = fileSystem.join(directory, dataFileName(identity.id));
    this.hintPath = fileSystem.join(directory, hintFileName(identity.id));
  }

  /** Bytes added so far, header included. */
  get size(): number {
    return this.written + this.chunkBytes;
  }

  /**
   * Adds a record that was written before as `sequence`. The content is copied.
   * @param from flags of that record: a compressed value stays as it is stored
   */
  add(content: RecordContent, sequence: number, from: number): void {
    const { salt, cipher } = this.identity;
    let flags = (from & COMPRESSED) | (cipher === undefined ? 0 : ENCRYPTED);
    const bytes = recordBytes(content, flags);
    this.reserve(bytes);
    const at = this.chunkBytes;
    this.chunkBytes = writeRecord(this.chunk, at, content, flags);
    sealRecord(this.chunk, at, this.chunkBytes, { sequence, unsyncedBytes: 0, salt, cipher });
    const isTombstone = content.value === undefined;
    flags |= (isTombstone ? TOMBSTONE : 0) | (content.expiresAt === 0 ? 0 : HAS_EXPIRY);
    const valueSize = content.value?.length ?? 0;
    const { expiresAt } = content;
    const entry = { sequence, flags, valueSize, expiresAt, position: this.written + at };
    this.hint.add(entry, content.key);
    if (isTombstone) this.tombstoneBytes += bytes;
    if (sequence < this.minSequence) this.minSequence = sequence;
  }

  /** Writes out what has been collected once it is worth a write. */
  async flushIfLarge(): Promise<void> {
    if (this.chunkBytes >= CHUNK_BYTES) await this.flush();
  }

  /**
   * Completes both files and gives them their names. Names are durable after a sync of the directory.
   * @returns `undefined` when nothing was added
   */
  async finish(): Promise<DataFile | undefined> {
    if (this.size === DATA_HEADER_BYTES) return undefined;
    await this.flush();
    const handle = await this.open();
    const { id, salt, storeId, createdAtMs, cipher } = this.identity;
    const header = { fileId: id, storeId, salt, isMerged: true, createdAtMs };
    await handle.write(encodeDataFileHeader(header, cipher), 0);
    await handle.sync();
    await this.fileSystem.rename(`${this.dataPath}.tmp`, this.dataPath);
    await this.writeHint();
    const file = new DataFile({
      id,
      path: this.dataPath,
      salt,
      isMerged: true,
      cipher,
      size: this.written,
    });
    file.durableSize = this.written;
    file.isSealed = true;
    file.keptTombstoneBytes = this.tombstoneBytes;
    file.minSequence = this.minSequence;
    file.handle = handle;
    this.handle = undefined;
    return file;
  }

  /** Removes whatever was written. The store does not know the file. */
  async abandon(): Promise<void> {
    await this.closeHandle();
    const names = [this.dataPath, this.hintPath].flatMap((path) => [path, `${path}.tmp`]);
    for (const path of names) await this.fileSystem.unlink(path).catch(() => undefined);
  }

  async closeHandle(): Promise<void> {
    await this.handle?.close().catch(() => undefined);
    this.handle = undefined;
  }

  private async writeHint(): Promise<void> {
    if (this.hint.isTooLarge) return;
    const aside = `${this.hintPath}.tmp`;
    const handle = await this.fileSystem.open(aside, "create-exclusive");
    try {
      const { id, salt, storeId, cipher } = this.identity;
      const about = { fileId: id, salt, storeId, coveredBytes: this.written };
      await this.hint.write(handle, about, cipher);
    } finally {
      await handle.close();
    }
    await this.fileSystem.rename(aside, this.hintPath);
  }

  private reserve(bytes: number): void {
    const needed = this.chunkBytes + bytes;
    if (needed <= this.chunk.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.chunk.length * 2));
    this.chunk.copy(grown, 0, 0, this.chunkBytes);
    this.chunk = grown;
  }

  private async flush(): Promise<void> {
    if (this.chunkBytes === 0) return;
    const handle = await this.open();
    await handle.write(this.chunk.subarray(0, this.chunkBytes), this.written);
    this.written += this.chunkBytes;
    this.chunkBytes = 0;
    if (this.written - this.synced >= SYNC_BYTES) {
      await handle.sync();
      this.synced = this.written;
    }
    if (this.chunk.length > 4 * CHUNK_BYTES) this.chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  }

  private async open(): Promise<FileHandle> {
    this.handle ??= await this.fileSystem.open(`${this.dataPath}.tmp`, "create-exclusive");
    return this.handle;
  }
}
