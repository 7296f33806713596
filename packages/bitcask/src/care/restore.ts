/** Makes a store of a backup, in a new or empty directory: all of it, or nothing that could be opened. */
import { dataFileName } from "../data-file.js";
import { DATA_HEADER_BYTES, decodeDataFileHeader } from "../data-file-header.js";
import { toBitcaskError } from "../io-errors.js";
import type { ManifestFile } from "../manifest.js";
import { type BitcaskPorts, resolveOptions } from "../options.js";
import type { FileHandle } from "../ports.js";
import {
  type BackupEnd,
  type BackupFile,
  backupDamaged,
  DATA_FRAME,
  decodeBackupEnd,
  decodeBackupFile,
  END_FRAME,
  FILE_FRAME,
} from "./backup-format.js";
import { type BackupFrame, BackupReader, type ByteSource } from "./backup-reader.js";
import { CopyTarget } from "./copy-target.js";

export interface RestoreOptions {
  /** @default the real ones */
  readonly ports?: Partial<BitcaskPorts> | undefined;
}

export interface RestoreReport {
  readonly files: number;
  readonly bytes: number;
  /** When the backup was made, in ms since the Unix epoch. */
  readonly createdAtMs: number;
}

/**
 * Restores what `Bitcask.backup` gave into `directory`, durable when the promise resolves. A stream that
 * is cut short, changed, or longer than the backup is refused, and what was written is removed.
 * @throws BitcaskError `BITCASK_BACKUP_DAMAGED`, `BITCASK_TARGET_NOT_EMPTY`, `BITCASK_NEWER_FORMAT`,
 *   `BITCASK_READ_FAILED` when the source fails, …
 */
export async function restore(
  source: ByteSource,
  directory: string,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  const { fileSystem } = resolveOptions({ ports: options.ports });
  const reader = new BackupReader(source);
  try {
    const header = await reader.header();
    const target = await CopyTarget.begin(fileSystem, directory);
    try {
      const copy = new Restoration(reader, target, header.storeId);
      const end = await copy.run();
      return { files: end.fileCount, bytes: end.bytes, createdAtMs: header.createdAtMs };
    } catch (error) {
      await target.abandon();
      throw error;
    }
  } catch (error) {
    throw toBitcaskError(error, {
      action: "restore into",
      file: directory,
      otherwise: "BITCASK_WRITE_FAILED",
    });
  } finally {
    await reader.close();
  }
}

class Restoration {
  private readonly reader: BackupReader;
  private readonly target: CopyTarget;
  private readonly storeId: string;
  private readonly files: ManifestFile[] = [];
  private current: BackupFile | undefined;
  private handle: FileHandle | undefined;
  private written = 0;
  private totalBytes = 0;

  constructor(reader: BackupReader, target: CopyTarget, storeId: string) {
    this.reader = reader;
    this.target = target;
    this.storeId = storeId;
  }

  async run(): Promise<BackupEnd> {
    try {
      for (;;) {
        const frame = await this.reader.frame();
        if (frame.type === END_FRAME) return await this.finish(frame);
        if (frame.type === FILE_FRAME) await this.beginFile(frame);
        else if (frame.type === DATA_FRAME) await this.append(frame);
        else throw this.damaged("a frame has an unknown type");
      }
    } finally {
      await this.handle?.close();
    }
  }

  private async beginFile({ payload }: BackupFrame): Promise<void> {
    await this.endFile();
    const file = decodeBackupFile(payload);
    const last = this.files.at(-1)?.id ?? 0;
    if (file === undefined || file.id <= last || file.bytes < DATA_HEADER_BYTES) {
      throw this.damaged("it describes an impossible file");
    }
    const path = this.target.claim(dataFileName(file.id));
    this.handle = await this.target.fileSystem.open(path, "create-exclusive");
    this.current = file;
    this.written = 0;
  }

  private async append({ payload }: BackupFrame): Promise<void> {
    const { current, handle } = this;
    if (current === undefined || this.written + payload.length > current.bytes) {
      throw this.damaged("a file holds more than was announced");
    }
    if (this.written === 0) {
      const header = decodeDataFileHeader(payload, dataFileName(current.id));
      if (header.fileId !== current.id || header.storeId !== this.storeId) {
        throw this.damaged("a file is another than was announced");
      }
    }
    await handle?.write(payload, this.written);
    this.written += payload.length;
  }

  private async endFile(): Promise<void> {
    const { current, handle } = this;
    if (current === undefined) return;
    if (this.written !== current.bytes) throw this.damaged("a file is not complete");
    await handle?.sync();
    await handle?.close();
    this.handle = undefined;
    const { id, bytes, isSealed, keptTombstoneBytes } = current;
    this.files.push({ id, durableBytes: bytes, isSealed, keptTombstoneBytes });
    this.totalBytes += bytes;
    this.current = undefined;
  }

  private async finish({ payload }: BackupFrame): Promise<BackupEnd> {
    await this.endFile();
    const end = decodeBackupEnd(payload);
    const isWhole = end?.fileCount === this.files.length && end.bytes === this.totalBytes;
    if (end === undefined || !isWhole) throw this.damaged("its end does not fit what came before");
    await this.reader.assertEnd();
    const { nextSequence, nextFileId, timeFloorMs } = end;
    await this.target.complete({
      storeId: this.storeId,
      generation: 0,
      nextFileId,
      nextSequence,
      timeFloorMs,
      files: this.files,
      obsoleteFileIds: [],
    });
    return end;
  }

  private damaged(what: string): Error {
    return backupDamaged(what, this.reader.offset);
  }
}
