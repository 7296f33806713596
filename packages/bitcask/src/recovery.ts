/**
 * From a directory to a running state: which files there are, what they hold, what is to be mended.
 * Nothing is written before everything has been read and found sound.
 *
 * 1. The manifest names the files; one that is missing or too short is corruption.
 * 2. Hints, then records, fill the keydir.
 * 3. A torn end of the active file is cut. What may have been in the page cache only is written once
 *    more and synced: after a failed fsync the cache can hold bytes that the disk never got.
 * 4. Leftovers of an interrupted rotation or merge are removed.
 */
import { DataFile, dataFileName, hintFileName } from "./data-file.js";
import { DATA_HEADER_BYTES, decodeDataFileHeader } from "./data-file-header.js";
import type { KeyRing } from "./encryption/key-ring.js";
import { BitcaskError } from "./errors.js";
import { type FileScan, loadHint, loadRecords } from "./file-loader.js";
import type { FileSet } from "./file-set.js";
import { readHintFile } from "./hint-file.js";
import { IndexLoader } from "./index-loader.js";
import type { Keydir } from "./keydir/keydir.js";
import type { Manifest, ManifestFile } from "./manifest.js";
import type { FileHandle, FileSystem } from "./ports.js";
import type { IgnoredFile, TornTail } from "./stats.js";

const REWRITE_CHUNK_BYTES = 1024 * 1024;

export interface RecoveredState {
  readonly nextSequence: number;
  readonly timeFloorMs: number;
  /** The file that takes writes; `undefined` in a store that has none yet. */
  readonly active: DataFile | undefined;
  readonly tornTail: TornTail | undefined;
  readonly ignoredHints: readonly IgnoredFile[];
  readonly recordsScanned: number;
  readonly hintEntriesLoaded: number;
}

/** What recovery fills. */
export interface RecoveryTarget {
  readonly keydir: Keydir;
  readonly files: FileSet;
  readonly keys: KeyRing;
  /** Mends nothing, writes nothing, and keeps every file open. @default false */
  readonly isReadOnly?: boolean;
}

/** @throws BitcaskError `BITCASK_CORRUPT`, `BITCASK_NEWER_FORMAT`, `BITCASK_ENCRYPTION_KEY_MISSING`, … */
export async function recoverFiles(
  context: { readonly fileSystem: FileSystem; readonly directory: string },
  manifest: Manifest,
  into: RecoveryTarget,
): Promise<RecoveredState> {
  const recovery = new Recovery(context, manifest, into);
  return recovery.run();
}

class Recovery {
  private readonly fileSystem: FileSystem;
  private readonly directory: string;
  private readonly manifest: Manifest;
  private readonly files: FileSet;
  private readonly keys: KeyRing;
  private readonly isReadOnly: boolean;
  private readonly loader: IndexLoader;
  private readonly ignoredHints: IgnoredFile[] = [];
  private recordsScanned = 0;
  private hintEntriesLoaded = 0;

  constructor(
    context: { readonly fileSystem: FileSystem; readonly directory: string },
    manifest: Manifest,
    into: RecoveryTarget,
  ) {
    this.fileSystem = context.fileSystem;
    this.directory = context.directory;
    this.manifest = manifest;
    this.files = into.files;
    this.keys = into.keys;
    this.isReadOnly = into.isReadOnly === true;
    this.loader = new IndexLoader(into.keydir, (fileId) => into.files.get(fileId));
  }

  async run(): Promise<RecoveredState> {
    let active: DataFile | undefined;
    let scan: FileScan | undefined;
    for (const listed of this.manifest.files) {
      const file = await this.openFile(listed);
      this.files.add(file);
      const found = await this.loadFile(file);
      if (file.isSealed) {
        if (!this.isReadOnly) this.files.closeIdle(file);
        continue;
      }
      if (active !== undefined)
        throw this.corrupt(file.path, "the manifest names two active files");
      active = file;
      scan = found;
    }
    this.loader.finish();
    const tornTail = active && scan ? await this.mendTail(active, scan) : undefined;
    return {
      nextSequence: Math.max(this.manifest.nextSequence, this.loader.highestSequence + 1),
      timeFloorMs: Math.max(this.manifest.timeFloorMs, this.loader.timeFloorMs),
      active,
      tornTail,
      ignoredHints: this.ignoredHints,
      recordsScanned: this.recordsScanned,
      hintEntriesLoaded: this.hintEntriesLoaded,
    };
  }

  /** Opens the file for the scan; of a sealed one the descriptor is closed again after it. */
  private async openFile(listed: ManifestFile): Promise<DataFile> {
    const path = this.fileSystem.join(this.directory, dataFileName(listed.id));
    const stat = await this.fileSystem.stat(path);
    if (stat === undefined) throw this.corrupt(path, "it is missing, with all its records");
    if (stat.size < listed.durableBytes || (listed.isSealed && stat.size > listed.durableBytes)) {
      throw new BitcaskError({
        code: "BITCASK_CORRUPT",
        message:
          `${path} has ${stat.size} bytes where ${listed.durableBytes} had been stored for good; ` +
          "it was cut or replaced. Restore it from a copy",
        file: path,
        offset: Math.min(stat.size, listed.durableBytes),
      });
    }
    const mode = listed.isSealed || this.isReadOnly ? "read" : "read-write";
    const handle = await this.fileSystem.open(path, mode);
    try {
      const bytes = Buffer.alloc(DATA_HEADER_BYTES);
      const count = await handle.read(bytes, 0);
      const header = decodeDataFileHeader(bytes.subarray(0, count), path);
      if (header.fileId !== listed.id || header.storeId !== this.manifest.storeId) {
        throw this.corrupt(
          path,
          "its header names another file: it was renamed, swapped or copied in",
        );
      }
      const { salt, isMerged } = header;
      const cipher = await this.keys.cipherOf(header, path);
      const file = new DataFile({ id: listed.id, path, salt, isMerged, cipher, size: stat.size });
      file.durableSize = Math.max(listed.durableBytes, DATA_HEADER_BYTES);
      file.isSealed = listed.isSealed;
      file.keptTombstoneBytes = listed.keptTombstoneBytes;
      file.handle = handle;
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  private async loadFile(file: DataFile): Promise<FileScan> {
    const handle = this.files.handleOf(file);
    const from = await this.loadHintOf(file);
    const scan = await loadRecords(this.loader, file, handle, { from, to: file.size });
    this.recordsScanned += scan.recordCount;
    return scan;
  }

  /** @returns where the records begin that no hint covered */
  private async loadHintOf(file: DataFile): Promise<number> {
    const path = this.fileSystem.join(this.directory, hintFileName(file.id));
    const { id, salt, cipher } = file;
    const about = { id, salt, cipher, storeId: this.manifest.storeId };
    const hint = await readHintFile(this.fileSystem, path, about, file.size);
    if (hint === undefined) return DATA_HEADER_BYTES;
    const fault = typeof hint === "string" ? hint : loadHint(this.loader, file, hint);
    if (fault !== undefined || typeof hint === "string") {
      this.ignoredHints.push({ file: path, reason: fault ?? "unusable" });
      return DATA_HEADER_BYTES;
    }
    this.hintEntriesLoaded += hint.entryCount;
    file.hintedBytes = hint.coveredBytes;
    return hint.coveredBytes;
  }

  private async mendTail(file: DataFile, scan: FileScan): Promise<TornTail | undefined> {
    const handle = this.files.handleOf(file);
    const before = file.size;
    if (this.isReadOnly) {
      // What lies behind may be a write under way.
      file.size = scan.end;
      return undefined;
    }
    const durable = Math.max(file.durableSize, scan.provenDurable);
    if (durable < scan.end) await storeAnew(handle, durable, scan.end);
    if (scan.end < before || durable < scan.end) {
      await handle.truncate(scan.end);
      await handle.sync();
    }
    file.size = scan.end;
    file.durableSize = scan.end;
    if (scan.fault === undefined) return undefined;
    return { file: file.path, offset: scan.end, bytes: before - scan.end, reason: scan.fault };
  }

  private corrupt(path: string, what: string): BitcaskError {
    return new BitcaskError({
      code: "BITCASK_CORRUPT",
      message: `${path} is part of the store but cannot be used: ${what}. Restore it from a copy`,
      file: path,
    });
  }
}

/**
 * Really stores the bytes in `[from, to)`, which the page cache may hold as clean after a failed fsync
 * although the disk never got them. Each is written over itself; one byte more makes the size change,
 * too. At no instant is less on the disk than before; the byte too many is cut by the caller.
 */
async function storeAnew(handle: FileHandle, from: number, to: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(REWRITE_CHUNK_BYTES, to - from));
  for (let position = from; position < to; position += buffer.length) {
    const chunk = buffer.subarray(0, Math.min(buffer.length, to - position));
    const count = await handle.read(chunk, position);
    await handle.write(chunk.subarray(0, count), position);
  }
  await handle.write(Uint8Array.of(0), to);
  await handle.sync();
}
