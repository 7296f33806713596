/**
 * A hint file says what a data file holds, without the values, so that opening need not read them.
 * Format version 2; version 1 is read as well, in which the entries lie in the file as they are here, and
 * not packed as `hint-packing.ts` has it. Little-endian. It is only ever a shortcut: when anything about
 * it is wrong, the data file is read instead.
 *
 * ```
 * header, 64 bytes                             entry, unpacked
 *  0  8 B  "TITANBKH"                           0  u64  sequence number
 *  8  u16  format version                       8  u8   record flags
 * 10  u16  flags, 0                             9  u24  key size
 * 12  u32  data file id                        12  u32  value size
 * 16  16 B store id                            16  u48  offset of the record in the data file
 * 32  u32  salt of the data file               22  u64  expiry or time floor; only with HAS_EXPIRY
 * 36  u32  zero                                 .  key
 * 40  u64  bytes of the data file covered
 * 48  u64  number of entries
 * 56  u32  CRC-32 of all behind the header
 * 60  u32  CRC-32 of bytes 0 to 59
 * ```
 */
import { crc32 } from "node:zlib";
import {
  ENCRYPTED,
  EXPIRY_BYTES,
  HAS_EXPIRY,
  RECORD_HEADER_BYTES,
  readUint64,
  SEAL_BYTES,
  writeUint64,
} from "./record-format.js";

export const HINT_HEADER_BYTES = 64;
export const HINT_ENTRY_BYTES = 22;
/** Entries lie in the file as they are. Not written any more. */
const PLAIN_VERSION = 1;
const PACKED_VERSION = 2;
const MAGIC = Buffer.from("TITANBKH", "latin1");

export interface HintHeader {
  /** Whether the entries are packed in blocks. */
  readonly isPacked: boolean;
  readonly fileId: number;
  readonly storeId: string;
  readonly salt: number;
  readonly coveredBytes: number;
  readonly entryCount: number;
  readonly entriesCrc: number;
}

/** One entry; reused by readers. For a time floor, `expiresAt` is the floor. */
export interface HintEntry {
  sequence: number;
  flags: number;
  keySize: number;
  valueSize: number;
  position: number;
  expiresAt: number;
  /** Where the key begins in the buffer that was read. */
  keyStart: number;
  /** Where the next entry begins. */
  end: number;
}

export function createHintEntry(): HintEntry {
  return {
    sequence: 0,
    flags: 0,
    keySize: 0,
    valueSize: 0,
    position: 0,
    expiresAt: 0,
    keyStart: 0,
    end: 0,
  };
}

/** Size of the data record that an entry stands for. */
export function hintedRecordSize(entry: HintEntry): number {
  const expiry = entry.flags & HAS_EXPIRY ? EXPIRY_BYTES : 0;
  const seal = entry.flags & ENCRYPTED ? SEAL_BYTES : 0;
  return RECORD_HEADER_BYTES + expiry + seal + entry.keySize + entry.valueSize;
}

export function encodeHintHeader(header: Omit<HintHeader, "isPacked">): Buffer {
  const bytes = Buffer.alloc(HINT_HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(PACKED_VERSION, 8);
  bytes.writeUInt32LE(header.fileId, 12);
  bytes.write(header.storeId, 16, "hex");
  bytes.writeUInt32LE(header.salt, 32);
  writeUint64(bytes, header.coveredBytes, 40);
  writeUint64(bytes, header.entryCount, 48);
  bytes.writeUInt32LE(header.entriesCrc, 56);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** @returns the header, or in words why it cannot be used */
export function decodeHintHeader(bytes: Buffer): HintHeader | string {
  if (bytes.length < HINT_HEADER_BYTES) return "header is cut short";
  if (!bytes.subarray(0, 8).equals(MAGIC)) return "not a hint file";
  if (bytes.readUInt32LE(60) !== crc32(bytes.subarray(0, 60))) return "header checksum";
  const version = bytes.readUInt16LE(8);
  if (version !== PLAIN_VERSION && version !== PACKED_VERSION) return "another format version";
  if (bytes.readUInt16LE(10) !== 0) return "unknown flags";
  return {
    isPacked: version === PACKED_VERSION,
    fileId: bytes.readUInt32LE(12),
    storeId: bytes.toString("hex", 16, 32),
    salt: bytes.readUInt32LE(32),
    coveredBytes: readUint64(bytes, 40),
    entryCount: readUint64(bytes, 48),
    entriesCrc: bytes.readUInt32LE(56),
  };
}

/** Size of the entry for a key of `keySize` bytes. */
export function hintEntryBytes(keySize: number, flags: number): number {
  return HINT_ENTRY_BYTES + (flags & HAS_EXPIRY ? EXPIRY_BYTES : 0) + keySize;
}

/** Writes an entry. @returns the offset behind it */
export function writeHintEntry(
  into: Buffer,
  at: number,
  entry: Pick<HintEntry, "sequence" | "flags" | "valueSize" | "position" | "expiresAt">,
  key: Uint8Array,
): number {
  writeUint64(into, entry.sequence, at);
  into.writeUInt32LE((key.length * 256 + entry.flags) >>> 0, at + 8);
  into.writeUInt32LE(entry.valueSize, at + 12);
  into.writeUIntLE(entry.position, at + 16, 6);
  let end = at + HINT_ENTRY_BYTES;
  if (entry.flags & HAS_EXPIRY) {
    writeUint64(into, entry.expiresAt, end);
    end += EXPIRY_BYTES;
  }
  into.set(key, end);
  return end + key.length;
}

/** Reads the entry at `at`. @returns false when it does not fit in the buffer */
export function readHintEntry(buffer: Buffer, at: number, out: HintEntry): boolean {
  if (at + HINT_ENTRY_BYTES > buffer.length) return false;
  const word = buffer.readUInt32LE(at + 8);
  out.sequence = readUint64(buffer, at);
  out.flags = word & 0xff;
  out.keySize = word >>> 8;
  out.valueSize = buffer.readUInt32LE(at + 12);
  out.position = buffer.readUIntLE(at + 16, 6);
  out.keyStart = at + hintEntryBytes(0, out.flags);
  out.end = out.keyStart + out.keySize;
  if (out.end > buffer.length) return false;
  out.expiresAt = out.flags & HAS_EXPIRY ? readUint64(buffer, at + HINT_ENTRY_BYTES) : 0;
  return true;
}
