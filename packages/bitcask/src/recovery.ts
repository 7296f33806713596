/**
 * From a directory to a running state: which files there are, what they hold, what is to be mended.
 * Nothing is written before everything has been read and found sound.
 *
 * 1. The manifest names the files; one that is missing or too short is corruption.
 * 2. The image of the last clean end fills the keydir; without one, hints do, then records.
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
import { IMAGE_NAME, type ImagedFile, type IndexImage, openIndexImage } from "./index-image.js";
import { IndexLoader } from "./index-loader.js";
import type { Keydir } from "./keydir/keydir.js";
import type { Manifest, ManifestFile } from "./manifest.js";
import type { FileHandle, FileSystem } from "./ports.js";
import { endOfContent } from "./record-scanner.js";
import type { CutZeros, IgnoredFile, OpenProgress, TornTail } from "./stats.js";

const REWRITE_CHUNK_BYTES = 1024 * 1024;

export interface RecoveredState {
  readonly keydir: Keydir;
  readonly nextSequence: number;
  readonly timeFloorMs: number;
  /** The file that takes writes; `undefined` in a store that has none yet. */
  readonly active: DataFile | undefined;
  readonly tornTail: TornTail | undefined;
  readonly cutZeros: CutZeros | undefined;
  readonly ignoredHints: readonly IgnoredFile[];
  readonly recordsScanned: number;
  readonly hintEntriesLoaded: number;
  /** What the image says of the files, when it is that which filled the keydir. */
  readonly imagedFiles: readonly ImagedFile[] | undefined;
}

/** What recovery fills. */
export interface RecoveryTarget {
  /** A fresh one; asked for once more when an image spoilt the first. */
  readonly createKeydir: () => Keydir;
  readonly files: FileSet;
  readonly keys: KeyRing;
  /** Told how much has been read, and of how much. */
  readonly onProgress: (progress: OpenProgress) => void;
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

/** A filled index, and what was learnt on the way. */
interface Loaded {
  readonly keydir: Keydir;
  /** Of the active file; `undefined` after an image, whose files are whole. */
  readonly scan: FileScan | undefined;
  readonly highestSequence: number;
  readonly timeFloorMs: number;
  readonly imagedFiles?: readonly ImagedFile[];
}

/** What was cut off the file that takes writes: one of the two, or nothing. */
interface MendedTail {
  readonly tornTail?: TornTail;
  readonly cutZeros?: CutZeros;
}

class Recovery {
  private readonly fileSystem: FileSystem;
  private readonly directory: string;
  private readonly manifest: Manifest;
  private readonly into: RecoveryTarget;
  private readonly files: FileSet;
  private readonly keys: KeyRing;
  private readonly isReadOnly: boolean;
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
    this.into = into;
    this.isReadOnly = into.isReadOnly === true;
  }

  async run(): Promise<RecoveredState> {
    const files: DataFile[] = [];
    for (const listed of this.manifest.files) {
      const file = await this.openFile(listed);
      this.files.add(file);
      if (file.isSealed && !this.isReadOnly) this.files.closeIdle(file);
      files.push(file);
    }
    const [active, second] = files.filter(({ isSealed }) => !isSealed);
    if (second !== undefined) {
      throw this.corrupt(second.path, "the manifest names two active files");
    }
    const loaded = (await this.loadImage(files)) ?? (await this.loadFiles(files));
    const { scan } = loaded;
    const mended = active && scan ? await this.mendTail(active, scan) : undefined;
    return {
      keydir: loaded.keydir,
      nextSequence: Math.max(this.manifest.nextSequence, loaded.highestSequence + 1),
      timeFloorMs: Math.max(this.manifest.timeFloorMs, loaded.timeFloorMs),
      active,
      tornTail: mended?.tornTail,
      cutZeros: mended?.cutZeros,
      ignoredHints: this.ignoredHints,
      recordsScanned: this.recordsScanned,
      hintEntriesLoaded: this.hintEntriesLoaded,
      imagedFiles: loaded.imagedFiles,
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

  /** @returns `undefined` when there is no image, or none that is of use */
  private async loadImage(files: readonly DataFile[]): Promise<Loaded | undefined> {
    const path = this.fileSystem.join(this.directory, IMAGE_NAME);
    const image = await openIndexImage(
      this.fileSystem,
      path,
      this.manifest,
      this.keys.cipherOfStore(this.manifest.storeId),
    );
    if (image === undefined) return undefined;
    if (typeof image === "string") return this.ignoreHint(path, image);
    try {
      return await this.loadTables(path, image, files);
    } finally {
      await image.close();
    }
  }

  private async loadTables(
    path: string,
    image: IndexImage,
    files: readonly DataFile[],
  ): Promise<Loaded | undefined> {
    if (!image.fits(files)) return this.ignoreHint(path, "made beside other files");
    const keydir = this.into.createKeydir();
    const fault = await image.load(keydir, (loadedBytes, totalBytes) =>
      this.into.onProgress({ loadedBytes, totalBytes }),
    );
    if (fault !== undefined) return this.ignoreHint(path, fault);
    for (const { id, liveBytes, minSequence, hintedBytes } of image.files) {
      Object.assign(this.files.get(id), { liveBytes, minSequence, hintedBytes });
    }
    this.hintEntriesLoaded = keydir.size;
    // The manifest of a clean end knows the number and the time.
    const imagedFiles = image.files;
    return { keydir, scan: undefined, highestSequence: 0, timeFloorMs: 0, imagedFiles };
  }

  private async loadFiles(files: readonly DataFile[]): Promise<Loaded> {
    const keydir = this.into.createKeydir();
    const loader = new IndexLoader(keydir, (fileId) => this.files.get(fileId));
    const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
    let loadedBytes = 0;
    let scan: FileScan | undefined;
    for (const file of files) {
      const found = await this.loadFile(loader, file);
      if (!file.isSealed) scan = found;
      else if (!this.isReadOnly) this.files.closeIdle(file);
      loadedBytes += file.size;
      this.into.onProgress({ loadedBytes, totalBytes });
    }
    loader.finish();
    const { highestSequence, timeFloorMs } = loader;
    return { keydir, scan, highestSequence, timeFloorMs };
  }

  private async loadFile(loader: IndexLoader, file: DataFile): Promise<FileScan> {
    const handle = this.files.handleOf(file);
    const from = await this.loadHintOf(loader, file);
    const scan = await loadRecords(loader, file, handle, { from, to: file.size });
    this.recordsScanned += scan.recordCount;
    return scan;
  }

  private ignoreHint(file: string, reason: string): undefined {
    this.ignoredHints.push({ file, reason });
    return undefined;
  }

  /** @returns where the records begin that no hint covered */
  private async loadHintOf(loader: IndexLoader, file: DataFile): Promise<number> {
    const path = this.fileSystem.join(this.directory, hintFileName(file.id));
    const { id, salt, cipher } = file;
    const about = { id, salt, cipher, storeId: this.manifest.storeId };
    const hint = await readHintFile(this.fileSystem, path, about, file.size);
    if (hint === undefined) return DATA_HEADER_BYTES;
    const fault = typeof hint === "string" ? hint : loadHint(loader, file, hint);
    if (fault !== undefined || typeof hint === "string") {
      this.ignoreHint(path, fault ?? "unusable");
      return DATA_HEADER_BYTES;
    }
    this.hintEntriesLoaded += hint.entryCount;
    file.hintedBytes = hint.coveredBytes;
    return hint.coveredBytes;
  }

  private async mendTail(file: DataFile, scan: FileScan): Promise<MendedTail> {
    const handle = this.files.handleOf(file);
    const before = file.size;
    if (this.isReadOnly) {
      // What lies behind may be a write under way.
      file.size = scan.end;
      return {};
    }
    const source = { handle, path: file.path };
    const bytes =
      scan.fault === undefined ? 0 : (await endOfContent(source, scan.end, before)) - scan.end;
    const durable = Math.max(file.durableSize, scan.provenDurable);
    if (durable < scan.end) await storeAnew(handle, durable, scan.end);
    if (scan.end < before || durable < scan.end) {
      await handle.truncate(scan.end);
      await handle.sync();
    }
    file.size = scan.end;
    file.durableSize = scan.end;
    const cut = { file: file.path, offset: scan.end };
    if (scan.fault !== undefined) return { tornTail: { ...cut, bytes, reason: scan.fault } };
    return scan.end < before ? { cutZeros: { ...cut, bytes: before - scan.end } } : {};
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
