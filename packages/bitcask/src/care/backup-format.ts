/**
 * A backup: the files of a store as one stream of bytes. Format version 1, described byte by byte in
 * `docs/formats/backup.md`. Little-endian.
 *
 * ```
 * header, 48 bytes                    frame
 *  0  8 B  "TITANBKB"                  0  u8   type
 *  8  u16  format version              1  u24  payload size
 * 10  u16  flags, 0                    4  u32  CRC-32 of bytes 0 to 3 and the payload, begun with
 * 12  16 B store id                            the CRC of what came before
 * 28  u64  made at, ms                 8  .    payload
 * 36  8 B  zero
 * 44  u32  CRC-32 of bytes 0 to 43
 * ```
 * Each CRC begins where the one before ended (the first: the header's), so that a frame that is lost,
 * repeated or moved is as plain as a flipped bit.
 */
import { crc32 } from "node:zlib";
import { BitcaskError } from "../errors.js";
import { readUint64, writeUint64 } from "../record-format.js";

const MAGIC = Buffer.from("TITANBKB", "latin1");
const BACKUP_VERSION = 1;
export const BACKUP_HEADER_BYTES = 48;
export const FRAME_HEADER_BYTES = 8;
/** Largest payload. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;

/** A file begins; payload: {@link BackupFile}. */
export const FILE_FRAME = 1;
/** More bytes of the file. */
export const DATA_FRAME = 2;
/** The backup is complete; payload: {@link BackupEnd}. */
export const END_FRAME = 3;

export interface BackupHeader {
  readonly storeId: string;
  readonly createdAtMs: number;
}

/** 24 bytes: u32 file id, u32 flags (bit 0 sealed), u64 size, u64 kept tombstone bytes. */
export interface BackupFile {
  readonly id: number;
  readonly isSealed: boolean;
  readonly bytes: number;
  readonly keptTombstoneBytes: number;
}

/** 40 bytes: u64 files, bytes in files, next sequence, next file id, time floor. */
export interface BackupEnd {
  readonly fileCount: number;
  readonly bytes: number;
  readonly nextSequence: number;
  readonly nextFileId: number;
  readonly timeFloorMs: number;
}

export function encodeBackupHeader({ storeId, createdAtMs }: BackupHeader): Buffer {
  const bytes = Buffer.alloc(BACKUP_HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(BACKUP_VERSION, 8);
  bytes.write(storeId, 12, "hex");
  writeUint64(bytes, createdAtMs, 28);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 44)), 44);
  return bytes;
}

/** @throws BitcaskError `BITCASK_BACKUP_DAMAGED`, `BITCASK_NEWER_FORMAT` */
export function decodeBackupHeader(bytes: Buffer): BackupHeader {
  if (!bytes.subarray(0, 8).equals(MAGIC)) throw backupDamaged("it does not begin as one", 0);
  // Every version keeps magic, version and CRC where they are.
  if (crc32(bytes.subarray(0, 44)) !== bytes.readUInt32LE(44)) {
    throw backupDamaged("the checksum of its header does not match", 0);
  }
  if (bytes.readUInt16LE(8) !== BACKUP_VERSION || bytes.readUInt16LE(10) !== 0) {
    throw new BitcaskError({
      code: "BITCASK_NEWER_FORMAT",
      message:
        "the backup has a format that this release does not know; restore it with a newer one",
    });
  }
  return { storeId: bytes.toString("hex", 12, 28), createdAtMs: readUint64(bytes, 28) };
}

/** Header and payload of a frame. @param crc of what came before */
export function encodeFrame(type: number, payload: Uint8Array, crc: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  frame.writeUInt32LE((payload.length * 256 + type) >>> 0, 0);
  frame.set(payload, FRAME_HEADER_BYTES);
  frame.writeUInt32LE(frameCrc(frame, crc), 4);
  return frame;
}

/** The CRC that a frame should bear. */
export function frameCrc(frame: Buffer, before: number): number {
  return crc32(frame.subarray(FRAME_HEADER_BYTES), crc32(frame.subarray(0, 4), before));
}

export function encodeBackupFile(file: BackupFile): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32LE(file.id, 0);
  bytes.writeUInt32LE(file.isSealed ? 1 : 0, 4);
  writeUint64(bytes, file.bytes, 8);
  writeUint64(bytes, file.keptTombstoneBytes, 16);
  return bytes;
}

/** @returns `undefined` for a payload that cannot be one */
export function decodeBackupFile(bytes: Buffer): BackupFile | undefined {
  if (bytes.length !== 24 || bytes.readUInt32LE(4) > 1) return undefined;
  return {
    id: bytes.readUInt32LE(0),
    isSealed: bytes.readUInt32LE(4) === 1,
    bytes: readUint64(bytes, 8),
    keptTombstoneBytes: readUint64(bytes, 16),
  };
}

export function encodeBackupEnd(end: BackupEnd): Buffer {
  const bytes = Buffer.alloc(40);
  const fields = [end.fileCount, end.bytes, end.nextSequence, end.nextFileId, end.timeFloorMs];
  for (const [index, field] of fields.entries()) writeUint64(bytes, field, index * 8);
  return bytes;
}

/** @returns `undefined` for a payload that cannot be one */
export function decodeBackupEnd(bytes: Buffer): BackupEnd | undefined {
  if (bytes.length !== 40) return undefined;
  return {
    fileCount: readUint64(bytes, 0),
    bytes: readUint64(bytes, 8),
    nextSequence: readUint64(bytes, 16),
    nextFileId: readUint64(bytes, 24),
    timeFloorMs: readUint64(bytes, 32),
  };
}

/** @param offset in the stream */
export function backupDamaged(what: string, offset: number): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_BACKUP_DAMAGED",
    message: `this is not a whole backup: ${what} (byte ${offset}); nothing was restored`,
    offset,
  });
}
