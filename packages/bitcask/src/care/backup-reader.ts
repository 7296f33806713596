/** Cuts a stream of bytes into the checked frames of a backup. Holds one frame and one chunk. */
import { toBitcaskError } from "../io-errors.js";
import {
  BACKUP_HEADER_BYTES,
  type BackupHeader,
  backupDamaged,
  decodeBackupHeader,
  FRAME_HEADER_BYTES,
  frameCrc,
  MAX_PAYLOAD_BYTES,
} from "./backup-format.js";

/** A stream of bytes in chunks of any size: an array, a generator, a Node `Readable`, a web stream. */
export type ByteSource = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export interface BackupFrame {
  readonly type: number;
  readonly payload: Buffer;
}

export class BackupReader {
  private readonly chunks: Iterator<Uint8Array> | AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = new Uint8Array(0);
  private crc = 0;
  /** Bytes taken so far. */
  offset = 0;

  constructor(source: ByteSource) {
    this.chunks =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** @throws BitcaskError `BITCASK_BACKUP_DAMAGED`, `BITCASK_NEWER_FORMAT` */
  async header(): Promise<BackupHeader> {
    const bytes = await this.take(BACKUP_HEADER_BYTES);
    const header = decodeBackupHeader(bytes);
    this.crc = bytes.readUInt32LE(BACKUP_HEADER_BYTES - 4);
    return header;
  }

  /** The next frame. @throws BitcaskError `BITCASK_BACKUP_DAMAGED`, also at the end of the stream */
  async frame(): Promise<BackupFrame> {
    const start = this.offset;
    const head = await this.take(FRAME_HEADER_BYTES);
    const word = head.readUInt32LE(0);
    const payloadBytes = word >>> 8;
    if (payloadBytes > MAX_PAYLOAD_BYTES) throw backupDamaged("a frame is too large", start);
    const payload = await this.take(payloadBytes);
    const crc = head.readUInt32LE(4);
    if (frameCrc(Buffer.concat([head, payload]), this.crc) !== crc) {
      throw backupDamaged("the checksum of a frame does not match", start);
    }
    this.crc = crc;
    return { type: word & 0xff, payload };
  }

  /** @throws BitcaskError `BITCASK_BACKUP_DAMAGED` when there is more */
  async assertEnd(): Promise<void> {
    while (this.chunk.length === 0) {
      if (!(await this.refill())) return;
    }
    throw backupDamaged("bytes follow its end", this.offset);
  }

  /** Lets the source go. */
  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  private async take(count: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(count);
    let filled = 0;
    while (filled < count) {
      if (this.chunk.length === 0) {
        if (!(await this.refill())) throw backupDamaged("it ends too early", this.offset);
        continue;
      }
      const part = this.chunk.subarray(0, count - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.offset += part.length;
      this.chunk = this.chunk.subarray(part.length);
    }
    return bytes;
  }

  private async refill(): Promise<boolean> {
    let result: IteratorResult<Uint8Array>;
    try {
      result = await this.chunks.next();
    } catch (error) {
      throw toBitcaskError(error, {
        action: "read",
        file: "the backup",
        otherwise: "BITCASK_READ_FAILED",
      });
    }
    if (result.done === true) return false;
    const chunk: unknown = result.value;
    if (!(chunk instanceof Uint8Array)) throw backupDamaged("it is not a stream of bytes", 0);
    this.chunk = chunk;
    return true;
  }
}
