/**
 * One record of a data file, format version 1. Little-endian.
 *
 * ```
 *  0  u32  CRC-32 of bytes 4 to the end of the record, begun with the file's salt
 *  4  u8   flags
 *  5  u24  key size
 *  8  u32  value size
 * 12  u32  unsynced distance
 * 16  u64  sequence number, 1 to 2^53 - 1
 * 24  u64  expiry, ms since the Unix epoch; only with HAS_EXPIRY
 *  .  12 B nonce; only with ENCRYPTED
 *  .  key, value; with ENCRYPTED one ciphertext
 *  .  16 B tag; only with ENCRYPTED
 * ```
 * With COMPRESSED the value is described in `compression/value-packer.ts`; encryption, in
 * `encryption/file-cipher.ts`. The CRC is of the bytes as they lie on disk, so that damage is found
 * without a key.
 *
 * *Unsynced distance*: how many bytes before this record were not known to be on stable storage when
 * it was written, at most 2^32 - 1. It lets recovery tell rot from a torn tail: damage further back
 * than a later record's distance hit bytes that had been synced.
 *
 * A batch is a run of records with consecutive sequence numbers in one file: all but the last carry
 * BATCH_PART, the last BATCH_END. A run without its end never happened.
 *
 * A control record has CONTROL, no key, and a value that starts with its kind.
 */
import { crc32 } from "node:zlib";
import type { ByteView } from "./byte-view.js";

export const RECORD_HEADER_BYTES = 24;
export const EXPIRY_BYTES = 8;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
/** What encryption adds to a record. */
export const SEAL_BYTES = NONCE_BYTES + TAG_BYTES;
/** Codec and size ahead of a compressed value. */
export const COMPRESSED_PREFIX_BYTES = 5;
export const MAX_UINT32 = 0xffff_ffff;

/** The key is deleted; there is no value. */
export const TOMBSTONE = 1;
export const HAS_EXPIRY = 2;
/** More records of the same batch follow. */
export const BATCH_PART = 4;
/** The last record of a batch of two or more. */
export const BATCH_END = 8;
/** The value is compressed. */
export const COMPRESSED = 16;
/** Key and value are encrypted: in all records of a file whose header names a key, and in no other. */
export const ENCRYPTED = 32;
export const CONTROL = 64;
/** Always zero in version 1. */
export const RESERVED_FLAG = 128;

/** Control kind 1: the value is this byte and a u64, a time that expiry decisions never go below. */
export const CONTROL_TIME_FLOOR = 1;

/** A decoded header; reused by readers so that decoding allocates nothing. */
export interface RecordHeader {
  crc: number;
  flags: number;
  keySize: number;
  valueSize: number;
  unsyncedBytes: number;
  sequence: number;
  /** 0 without HAS_EXPIRY. Valid only if the buffer reached that far. */
  expiresAt: number;
  /** Where the key begins, from the start of the record. */
  keyStart: number;
  /** Size of the whole record. */
  recordSize: number;
}

export function createRecordHeader(): RecordHeader {
  return {
    crc: 0,
    flags: 0,
    keySize: 0,
    valueSize: 0,
    unsyncedBytes: 0,
    sequence: 0,
    expiresAt: 0,
    keyStart: 0,
    recordSize: 0,
  };
}

/** What is to be stored: a tombstone when `value` is `undefined`; `expiresAt` in ms, 0 for never. */
export interface RecordContent {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly expiresAt: number;
}

/** Size of the record that {@link writeRecord} makes of `content`. */
export function recordBytes(content: RecordContent, flags: number): number {
  const extra = (content.expiresAt === 0 ? 0 : EXPIRY_BYTES) + (flags & ENCRYPTED ? SEAL_BYTES : 0);
  return RECORD_HEADER_BYTES + extra + content.key.length + (content.value?.length ?? 0);
}

/**
 * Writes all of a record but sequence, unsynced distance and CRC, which {@link sealRecord} adds.
 * @param given BATCH_PART, BATCH_END, CONTROL, COMPRESSED, ENCRYPTED, as they apply
 * @returns the offset just behind the record
 */
export function writeRecord(
  into: Buffer,
  at: number,
  content: RecordContent,
  given: number,
): number {
  const { key, value, expiresAt } = content;
  let flags = given;
  if (value === undefined) flags |= TOMBSTONE;
  if (expiresAt !== 0) flags |= HAS_EXPIRY;
  into.writeUInt32LE((key.length * 256 + flags) >>> 0, at + 4);
  into.writeUInt32LE(value === undefined ? 0 : value.length, at + 8);
  let end = at + RECORD_HEADER_BYTES;
  if (expiresAt !== 0) {
    writeUint64(into, expiresAt, end);
    end += EXPIRY_BYTES;
  }
  if (flags & ENCRYPTED) end += NONCE_BYTES;
  into.set(key, end);
  end += key.length;
  if (value !== undefined) {
    into.set(value, end);
    end += value.length;
  }
  return flags & ENCRYPTED ? end + TAG_BYTES : end;
}

/** Encrypts records in place; see `encryption/file-cipher.ts`. */
interface RecordSealer {
  seal(buffer: Buffer, at: number, end: number, flags: number): void;
}

/** Completes the record in `[at, end)`. */
export function sealRecord(
  buffer: Buffer,
  at: number,
  end: number,
  seal: {
    readonly sequence: number;
    readonly unsyncedBytes: number;
    readonly salt: number;
    /** There when the record has ENCRYPTED. */
    readonly cipher?: RecordSealer | undefined;
  },
): void {
  buffer.writeUInt32LE(Math.min(seal.unsyncedBytes, MAX_UINT32), at + 12);
  writeUint64(buffer, seal.sequence, at + 16);
  seal.cipher?.seal(buffer, at, end, buffer.readUInt8(at + 4));
  buffer.writeUInt32LE(crc32(buffer.subarray(at + 4, end), seal.salt), at);
}

/**
 * Decodes the header at `at`. Checks nothing; see {@link headerFault}.
 * At least {@link RECORD_HEADER_BYTES} must be there; `expiresAt` is read when its bytes are.
 */
export function readRecordHeader(buffer: Buffer, at: number, out: RecordHeader): void {
  const word = buffer.readUInt32LE(at + 4);
  out.crc = buffer.readUInt32LE(at);
  out.flags = word & 0xff;
  out.keySize = word >>> 8;
  out.valueSize = buffer.readUInt32LE(at + 8);
  out.unsyncedBytes = buffer.readUInt32LE(at + 12);
  out.sequence = readUint64(buffer, at + 16);
  out.keyStart = RECORD_HEADER_BYTES;
  out.expiresAt = 0;
  if (out.flags & HAS_EXPIRY) {
    out.keyStart += EXPIRY_BYTES;
    if (at + out.keyStart <= buffer.length) out.expiresAt = readUint64(buffer, at + 24);
  }
  out.recordSize = out.keyStart + out.keySize + out.valueSize;
  if (out.flags & ENCRYPTED) addSeal(out);
}

/** As {@link readRecordHeader}, several times faster. */
export function decodeRecordHeader(source: ByteView, at: number, out: RecordHeader): void {
  const { view } = source;
  const word = view.getUint32(at + 4, true);
  out.crc = view.getUint32(at, true);
  out.flags = word & 0xff;
  out.keySize = word >>> 8;
  out.valueSize = view.getUint32(at + 8, true);
  out.unsyncedBytes = view.getUint32(at + 12, true);
  out.sequence = view.getUint32(at + 20, true) * 2 ** 32 + view.getUint32(at + 16, true);
  out.keyStart = RECORD_HEADER_BYTES;
  out.expiresAt = 0;
  if (out.flags & HAS_EXPIRY) {
    out.keyStart += EXPIRY_BYTES;
    if (at + out.keyStart <= view.byteLength) {
      out.expiresAt = view.getUint32(at + 28, true) * 2 ** 32 + view.getUint32(at + 24, true);
    }
  }
  out.recordSize = out.keyStart + out.keySize + out.valueSize;
  if (out.flags & ENCRYPTED) addSeal(out);
}

function addSeal(out: RecordHeader): void {
  out.keyStart += NONCE_BYTES;
  out.recordSize += SEAL_BYTES;
}

/** Larger than any record that options allow, with room for what a codec may add. */
const MAX_RECORD_BYTES = 1024 * 1024 * 1024 + 1024 * 1024;

/**
 * Below which offset everything had been synced when the record at `position` was written; 0 when its
 * distance is as large as it can be, and so may have been larger.
 */
export function syncedBefore(header: Readonly<RecordHeader>, position: number): number {
  const { unsyncedBytes } = header;
  return unsyncedBytes === MAX_UINT32 ? 0 : position - unsyncedBytes;
}

/** Why the header cannot be that of a record with `available` bytes up to the end of its file. */
export function headerFault(header: RecordHeader, available: number): string | undefined {
  const { flags, keySize, valueSize, sequence } = header;
  if (flags & RESERVED_FLAG) return "reserved flag is set";
  if (flags & CONTROL) {
    const isPlain = (flags & ~ENCRYPTED) === CONTROL;
    if (keySize !== 0 || valueSize === 0 || !isPlain) return "malformed control record";
  } else if (keySize === 0) {
    return "empty key";
  }
  if (flags & TOMBSTONE && (valueSize !== 0 || flags & (HAS_EXPIRY | COMPRESSED))) {
    return "tombstone with a value";
  }
  if (flags & COMPRESSED && valueSize <= COMPRESSED_PREFIX_BYTES)
    return "compressed value too short";
  if (flags & BATCH_PART && flags & BATCH_END) return "contradictory batch flags";
  if (!(sequence >= 1 && sequence <= Number.MAX_SAFE_INTEGER)) return "impossible sequence number";
  // Also where the file would have room for it: garbage must not make a reader ask for gigabytes.
  if (header.recordSize > MAX_RECORD_BYTES) return "record is larger than any can be";
  if (header.recordSize > available) return "record runs past the end of the file";
  return undefined;
}

/** Whether the record's CRC fits; all of `header.recordSize` bytes must be in `buffer`. */
export function hasValidCrc(
  buffer: Uint8Array,
  at: number,
  header: RecordHeader,
  salt: number,
): boolean {
  return crc32(buffer.subarray(at + 4, at + header.recordSize), salt) === header.crc;
}

/** Writes a safe integer as a u64. */
export function writeUint64(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32LE(value >>> 0, at);
  buffer.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

/** Reads a u64; above 2^53 - 1 the result is not exact, which callers take for damage. */
export function readUint64(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + 4) * 2 ** 32 + buffer.readUInt32LE(at);
}
