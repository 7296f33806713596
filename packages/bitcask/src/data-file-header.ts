/**
 * The first 64 bytes of a data file, format version 1. Little-endian.
 *
 * ```
 *  0  8 B  "TITANBKD"
 *  8  u16  format version
 * 10  u16  flags: bit 0 the file was written by a merge
 * 12  u32  file id, as in the name
 * 16  16 B store id, as in the manifest
 * 32  u32  salt: initial CRC of every record, so that bytes of another file never pass for records
 * 36  u32  encryption key id, 0 for none
 * 40  u64  when the file was begun, ms since the Unix epoch
 * 48  8 B  with a key id: tells the right key from a wrong one, see `encryption/file-cipher.ts`
 * 56  4 B  zero
 * 60  u32  CRC-32 of bytes 0 to 59
 * ```
 */
import { crc32 } from "node:zlib";
import { BitcaskError } from "./errors.js";
import { readUint64, writeUint64 } from "./record-format.js";

export const DATA_HEADER_BYTES = 64;
/** The newest format that this release reads and the one that it writes. */
export const FORMAT_VERSION = 1;

const MAGIC = Buffer.from("TITANBKD", "latin1");
const MERGED_FLAG = 1;

export interface DataFileHeader {
  readonly fileId: number;
  /** 32 hexadecimal digits. */
  readonly storeId: string;
  readonly salt: number;
  readonly isMerged: boolean;
  readonly createdAtMs: number;
  /** Names the key that the records are encrypted with; 0: they are not. */
  readonly keyId: number;
  /** 8 bytes; zero without a key. */
  readonly keyCheck: Buffer;
}

/** The header of a file with this cipher, or of a plain one. */
export function encodeDataFileHeader(
  header: Omit<DataFileHeader, "keyId" | "keyCheck">,
  cipher: Pick<DataFileHeader, "keyId" | "keyCheck"> | undefined,
): Buffer {
  const bytes = Buffer.alloc(DATA_HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(FORMAT_VERSION, 8);
  bytes.writeUInt16LE(header.isMerged ? MERGED_FLAG : 0, 10);
  bytes.writeUInt32LE(header.fileId, 12);
  bytes.write(header.storeId, 16, "hex");
  bytes.writeUInt32LE(header.salt, 32);
  writeUint64(bytes, header.createdAtMs, 40);
  if (cipher !== undefined) {
    bytes.writeUInt32LE(cipher.keyId, 36);
    cipher.keyCheck.copy(bytes, 48);
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** Whether the bytes begin as a data file does. */
export function isDataFile(bytes: Buffer): boolean {
  return bytes.subarray(0, 8).equals(MAGIC);
}

/**
 * @throws BitcaskError `BITCASK_CORRUPT`, or `BITCASK_NEWER_FORMAT` for a sound header of a later
 *   version
 */
export function decodeDataFileHeader(bytes: Buffer, file: string): DataFileHeader {
  if (bytes.length < DATA_HEADER_BYTES) throw corrupt(file, "its header is cut short");
  if (!isDataFile(bytes)) throw corrupt(file, "it does not begin as a data file");
  // Every version keeps magic, version and CRC where they are.
  if (bytes.readUInt32LE(60) !== crc32(bytes.subarray(0, 60))) {
    throw corrupt(file, "the checksum of its header does not match");
  }
  const version = bytes.readUInt16LE(8);
  const flags = bytes.readUInt16LE(10);
  if (version !== FORMAT_VERSION || flags & ~MERGED_FLAG) {
    throw new BitcaskError({
      code: "BITCASK_NEWER_FORMAT",
      message:
        `${file} has format version ${version} (this release reads ${FORMAT_VERSION}) or uses a ` +
        "feature unknown to this release; open the store with a newer release of @titan/bitcask",
      file,
    });
  }
  return {
    fileId: bytes.readUInt32LE(12),
    storeId: bytes.toString("hex", 16, 32),
    salt: bytes.readUInt32LE(32),
    isMerged: (flags & MERGED_FLAG) !== 0,
    createdAtMs: readUint64(bytes, 40),
    keyId: bytes.readUInt32LE(36),
    keyCheck: Buffer.from(bytes.subarray(48, 56)),
  };
}

function corrupt(file: string, what: string): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_CORRUPT",
    message: `${file} is damaged: ${what}; none of its records can be trusted`,
    file,
    offset: 0,
  });
}
