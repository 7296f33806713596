/** Walks the records of a data file in order, in bounded memory, and finds where they stop. */
import { ByteView } from "./byte-view.js";
import { crc32Of } from "./crc32.js";
import type { FileCipher } from "./encryption/file-cipher.js";
import { toBitcaskError } from "./io-errors.js";
import type { FileHandle } from "./ports.js";
import {
  createRecordHeader,
  decodeRecordHeader,
  ENCRYPTED,
  EXPIRY_BYTES,
  hasValidCrc,
  headerFault,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  readRecordHeader,
  syncedBefore,
} from "./record-format.js";

const WINDOW_BYTES = 1024 * 1024;

/** A file to be read in order. */
export interface WindowedFile {
  readonly handle: Pick<FileHandle, "read">;
  /** For messages. */
  readonly path: string;
}

export interface ScanSource extends WindowedFile {
  readonly salt: number;
  /** Of an encrypted file. */
  readonly cipher: FileCipher | undefined;
}

/**
 * Called for every record. `header`, and `buffer`, where the record begins at `at`, are only valid
 * during the call. `position` is the record's offset in the file. Key and value are in the clear; a
 * compressed value is as it is stored.
 */
export type RecordVisitor = (
  header: Readonly<RecordHeader>,
  buffer: Buffer,
  at: number,
  position: number,
) => void;

/** What a scan does between two records now and then. */
export interface ScanPauses {
  /** Bytes until the next pause, as of now. */
  readonly sliceBytes: number;
  /** Called once at least so many `bytes` have been scanned since the last pause. */
  pause(bytes: number): Promise<void>;
}

/** A pause about once per megabyte. */
export function everyMegabyte(pause: () => Promise<void>): ScanPauses {
  return { sliceBytes: WINDOW_BYTES, pause };
}

/** Where a scan stopped: at `to` without a fault, or at the first bytes that are no record. */
export interface ScanEnd {
  readonly offset: number;
  readonly fault: string | undefined;
}

/**
 * Visits the records in `[from, to)`; `to` is at most the size of the file.
 */
export async function scanRecords(
  source: ScanSource,
  from: number,
  to: number,
  visit: RecordVisitor,
  pauses?: ScanPauses,
): Promise<ScanEnd> {
  const window = new FileWindow(source, to);
  const header = createRecordHeader();
  let position = from;
  let pausedAt = from;
  let slice = pauses?.sliceBytes ?? 0;
  while (position < to) {
    if (pauses !== undefined && position - pausedAt >= slice) {
      await pauses.pause(position - pausedAt);
      pausedAt = position;
      slice = pauses.sliceBytes;
    }
    const available = to - position;
    if (available < RECORD_HEADER_BYTES) return { offset: position, fault: "header is cut short" };
    const shown = window.show(position, Math.min(RECORD_HEADER_BYTES + EXPIRY_BYTES, available));
    let at = typeof shown === "number" ? shown : await shown;
    decodeRecordHeader(window.source, at, header);
    const fault = headerFault(header, available);
    if (fault !== undefined) return { offset: position, fault };
    const whole = window.show(position, header.recordSize);
    at = typeof whole === "number" ? whole : await whole;
    if (crc32Of(window.source, at + 4, at + header.recordSize, source.salt) !== header.crc) {
      return { offset: position, fault: "checksum does not match" };
    }
    if (header.flags & ENCRYPTED || source.cipher !== undefined) {
      const refusal = decryptInPlace(source.cipher, window.buffer, at, header);
      if (refusal !== undefined) return { offset: position, fault: refusal };
    }
    visit(header, window.buffer, at, position);
    position += header.recordSize;
  }
  return { offset: position, fault: undefined };
}

/** @returns why it cannot be decrypted, although its checksum is right: somebody meddled with it */
function decryptInPlace(
  cipher: FileCipher | undefined,
  buffer: Buffer,
  at: number,
  header: Readonly<RecordHeader>,
): string | undefined {
  const isEncrypted = (header.flags & ENCRYPTED) !== 0;
  if (cipher === undefined) return "an encrypted record in a file that is not";
  if (!isEncrypted) return "a record that is not encrypted in a file that is";
  const body = cipher.open(buffer, at, header);
  if (body === undefined) return "it was not encrypted with the key of its file";
  body.copy(buffer, at + header.keyStart);
  return undefined;
}

/**
 * Looks behind damage at `damagedAt` for a record which proves that those bytes had been synced.
 * Such a record was written later than `lastSequence` (0: none before it is known) and says that less
 * than the way back to the damage was unsynced.
 * @returns the position of the witness, or `undefined`: the damage may be a torn, unsynced end
 */
export async function findWitness(
  source: WindowedFile & Pick<ScanSource, "salt">,
  damagedAt: number,
  to: number,
  lastSequence: number,
): Promise<number | undefined> {
  const window = new FileWindow(source, to);
  const header = createRecordHeader();
  // Each record takes a number and at least a header: later numbers cannot be further ahead. Behind a
  // first record that is damaged there is nothing to count from.
  const highest =
    lastSequence === 0
      ? Number.MAX_SAFE_INTEGER
      : lastSequence + Math.ceil((to - damagedAt) / RECORD_HEADER_BYTES) + 1;
  let position = damagedAt + 1;
  while (to - position >= RECORD_HEADER_BYTES) {
    const available = to - position;
    const shown = window.show(position, Math.min(RECORD_HEADER_BYTES + EXPIRY_BYTES, available));
    let at = typeof shown === "number" ? shown : await shown;
    readRecordHeader(window.buffer, at, header);
    const isPlausible =
      header.sequence > lastSequence &&
      header.sequence <= highest &&
      headerFault(header, available) === undefined;
    if (isPlausible) {
      at = await window.show(position, header.recordSize);
      if (hasValidCrc(window.buffer, at, header, source.salt)) {
        if (syncedBefore(header, position) > damagedAt) return position;
        position += header.recordSize;
        continue;
      }
    }
    position += 1;
  }
  return undefined;
}

/**
 * Whether every byte in `[from, to)` is zero: behind the last record of a file that takes writes, that is
 * a reserve and no damage.
 */
export async function isZeroed(source: WindowedFile, from: number, to: number): Promise<boolean> {
  return (await endOfContent(source, from, to)) === from;
}

/** Where the zeros begin that `[from, to)` ends with; `from` when there is nothing else. */
export async function endOfContent(
  source: WindowedFile,
  from: number,
  to: number,
): Promise<number> {
  const window = new FileWindow(source, to);
  let end = from;
  for (let position = from; position < to; position += WINDOW_BYTES) {
    const bytes = Math.min(WINDOW_BYTES, to - position);
    const at = await window.show(position, bytes);
    const last = window.buffer.subarray(at, at + bytes).findLastIndex((byte) => byte !== 0);
    if (last >= 0) end = position + last + 1;
  }
  return end;
}

/** A moving view of a file; `show` makes a range visible in `buffer`. */
export class FileWindow {
  source = ByteView.allocate(WINDOW_BYTES);
  private readonly file: WindowedFile;
  private readonly to: number;
  private start = 0;
  private length = 0;

  constructor(source: WindowedFile, to: number) {
    this.file = source;
    this.to = to;
  }

  /** The bytes in view; another buffer after a call of {@link FileWindow.show}. */
  get buffer(): Buffer {
    return this.source.bytes;
  }

  /**
   * No promise when the bytes are in view already: scanning awaits once per window, not per record.
   * @returns where `position` lies in `buffer`; `bytes` from there are valid
   */
  show(position: number, bytes: number): number | Promise<number> {
    const at = position - this.start;
    if (at >= 0 && at + bytes <= this.length) return at;
    return this.fill(position, bytes);
  }

  private async fill(position: number, bytes: number): Promise<number> {
    const { length } = this.buffer;
    if (bytes > length) this.source = ByteView.allocate(bytes);
    else if (length > 2 * WINDOW_BYTES) this.source = ByteView.allocate(WINDOW_BYTES);
    const size = Math.max(bytes, WINDOW_BYTES);
    const wanted = this.buffer.subarray(0, Math.min(size, this.to - position));
    const count = await this.read(wanted, position);
    // A file that shrinks under us reads as zeros, which are no record.
    if (count < wanted.length) wanted.fill(0, count);
    this.start = position;
    this.length = wanted.length;
    return 0;
  }

  private async read(into: Buffer, position: number): Promise<number> {
    try {
      return await this.file.handle.read(into, position);
    } catch (error) {
      const file = this.file.path;
      throw toBitcaskError(error, { action: "read", file, otherwise: "BITCASK_READ_FAILED" });
    }
  }
}
