/**
 * Zeros ahead of the log's end. An fdatasync of bytes that lie in blocks the file has already need not
 * write the file's size and block list, which makes a small durable write a third cheaper. The zeros
 * are written by the groups themselves, some ahead each time; what is left of them is cut off when the
 * file is sealed or the store closed.
 */
import type { DataFile } from "./data-file.js";
import { isShortage } from "./io-errors.js";
import type { FileHandle } from "./ports.js";

/** Larger groups take as long to sync without. */
const MAX_GROUP_BYTES = 32 * 1024;
/** A reserve is as large as the file, within these bounds: a small store stays small. */
const LEAST_BYTES = 16 * 1024;
const MOST_BYTES = 256 * 1024;
/** After the disk was full, so many bytes are written before the next attempt. */
const BYTES_AFTER_SHORTAGE = 1024 * 1024;

let zeros: Uint8Array | undefined;

export class FileReserve {
  private readonly dataFileMaxBytes: number;
  private shortOfSpace: { readonly file: DataFile; readonly size: number } | undefined;

  constructor(dataFileMaxBytes: number) {
    this.dataFileMaxBytes = dataFileMaxBytes;
  }

  /** Whether a group that ends at `end` and is synced at once should write zeros behind itself. */
  isWanted(file: DataFile, groupBytes: number, end: number): boolean {
    if (groupBytes > MAX_GROUP_BYTES || end <= file.reservedSize) return false;
    const { shortOfSpace } = this;
    if (shortOfSpace?.file !== file) return true;
    return end >= shortOfSpace.size + BYTES_AFTER_SHORTAGE;
  }

  /**
   * Writes zeros from `end` on. Want of space is no failure: the group itself is written.
   * @throws the operating system's error, for any other reason
   */
  extend(file: DataFile, handle: FileHandle, end: number): void {
    const bytes = Math.min(
      Math.max(LEAST_BYTES, Math.min(end, MOST_BYTES)),
      this.dataFileMaxBytes - end,
    );
    if (bytes <= 0) return;
    zeros ??= new Uint8Array(MOST_BYTES);
    // Before it is tried: a failure may have written some.
    file.reservedSize = end + bytes;
    try {
      handle.writeSync(zeros.subarray(0, bytes), end);
      this.shortOfSpace = undefined;
    } catch (error) {
      if (!isShortage(error)) throw error;
      this.shortOfSpace = { file, size: end };
    }
  }
}
