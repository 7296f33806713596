/** Streams a store, every record checked on the way. */
import type { DataFile } from "../data-file.js";
import { DATA_HEADER_BYTES, decodeDataFileHeader } from "../data-file-header.js";
import { BitcaskError } from "../errors.js";
import type { FrozenFile } from "../frozen-files.js";
import {
  createRecordHeader,
  EXPIRY_BYTES,
  hasValidCrc,
  headerFault,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  readRecordHeader,
} from "../record-format.js";
import { FileWindow } from "../record-scanner.js";
import type { Store } from "../store.js";
import {
  DATA_FRAME,
  END_FRAME,
  encodeBackupEnd,
  encodeBackupFile,
  encodeBackupHeader,
  encodeFrame,
  FILE_FRAME,
  FRAME_HEADER_BYTES,
  MAX_PAYLOAD_BYTES,
} from "./backup-format.js";

/**
 * The backup, in chunks of at most about 1 MiB, the taker's to keep. The store is frozen at the first
 * `next()`; files that merges replace meanwhile stay on disk until the end, or `return()`.
 * @throws BitcaskError `BITCASK_CORRUPT` at the first damaged record, and what reading throws
 */
export async function* streamBackup(store: Store): AsyncGenerator<Uint8Array, void, undefined> {
  store.assertReadable();
  const frozen = await store.freeze(Number.POSITIVE_INFINITY);
  try {
    const { manifest, files } = frozen;
    const header = encodeBackupHeader({ storeId: manifest.storeId, createdAtMs: store.now.now() });
    let crc = header.readUInt32LE(header.length - 4);
    yield plain(header);
    const frame = (type: number, payload: Uint8Array): Uint8Array => {
      const bytes = encodeFrame(type, payload, crc);
      crc = bytes.readUInt32LE(FRAME_HEADER_BYTES - 4);
      return plain(bytes);
    };
    for (const file of files) {
      const { id, keptTombstoneBytes } = file.file;
      const about = { id, isSealed: file.isSealed, bytes: file.bytes, keptTombstoneBytes };
      yield frame(FILE_FRAME, encodeBackupFile(about));
      for await (const chunk of checkedBytes(store, file)) {
        store.assertReadable();
        yield frame(DATA_FRAME, chunk);
      }
    }
    const { nextSequence, nextFileId, timeFloorMs } = manifest;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const end = { fileCount: files.length, bytes, nextSequence, nextFileId, timeFloorMs };
    yield frame(END_FRAME, encodeBackupEnd(end));
  } finally {
    frozen.release();
  }
}

/**
 * The bytes of a file in pieces, each valid until the next is asked for. Every record is checked before
 * its first byte is handed out.
 */
async function* checkedBytes(
  store: Store,
  { file, bytes }: FrozenFile,
): AsyncGenerator<Buffer, void, undefined> {
  // Not one read from end to end: closing would wait for a taker who has gone away.
  const handle = store.files.readerOf(file);
  const chunk = Buffer.allocUnsafe(MAX_PAYLOAD_BYTES);
  let used = await handle.read(chunk.subarray(0, DATA_HEADER_BYTES), 0);
  decodeDataFileHeader(chunk.subarray(0, used), file.path);
  const window = new FileWindow({ handle, path: file.path }, bytes);
  const header = createRecordHeader();
  for (let position = DATA_HEADER_BYTES; position < bytes; position += header.recordSize) {
    const inView = showRecord(window, header, file, position, bytes);
    const at = typeof inView === "number" ? inView : await inView;
    let record = window.buffer.subarray(at, at + header.recordSize);
    if (used + record.length > chunk.length) {
      yield chunk.subarray(0, used);
      used = 0;
      store.assertReadable();
    }
    for (; record.length > chunk.length; record = record.subarray(chunk.length)) {
      yield record.subarray(0, chunk.length);
      store.assertReadable();
    }
    used += record.copy(chunk, used);
  }
  yield chunk.subarray(0, used);
}

/** Brings a sound record into view. @throws BitcaskError `BITCASK_CORRUPT` */
function showRecord(
  window: FileWindow,
  header: RecordHeader,
  file: DataFile,
  position: number,
  end: number,
): number | Promise<number> {
  const available = end - position;
  if (available < RECORD_HEADER_BYTES) throw damaged(file, position, "header is cut short");
  const headBytes = Math.min(RECORD_HEADER_BYTES + EXPIRY_BYTES, available);
  const checkRecord = (at: number): number => {
    if (hasValidCrc(window.buffer, at, header, file.salt)) return at;
    throw damaged(file, position, "checksum does not match");
  };
  const checkHeader = (at: number): number | Promise<number> => {
    readRecordHeader(window.buffer, at, header);
    const fault = headerFault(header, available);
    if (fault !== undefined) throw damaged(file, position, fault);
    const whole = window.show(position, header.recordSize);
    return typeof whole === "number" ? checkRecord(whole) : whole.then(checkRecord);
  };
  const shown = window.show(position, headBytes);
  return typeof shown === "number" ? checkHeader(shown) : shown.then(checkHeader);
}

function damaged(file: DataFile, offset: number, fault: string): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_CORRUPT",
    message: `${file.path} is damaged at offset ${offset}: ${fault}; there is no backup of what is damaged`,
    file: file.path,
    offset,
  });
}

function plain(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
