/**
 * Encrypted files that belong to a data file, such as its hint, or to the store as a whole (data file 0),
 * such as the image of its index. Little-endian.
 *
 * ```
 * header, 64 bytes                             segment
 *  0  8 B  "TITANBKS"                           0  .    64 KiB of the contents, encrypted; the last
 *  8  u16  format version                               segment holds what is left
 * 10  u16  flags, 0                             .  16 B tag
 * 12  u32  encryption key id
 * 16  16 B salt, random                        segment n is encrypted with AES-256-GCM under a key
 * 32  u64  bytes of the contents               derived from the data file's and the salt; its nonce
 * 40  u32  id of the data file                 is n, and the header is bound to it: a segment that is
 * 44  u32  salt of the data file               moved, or a file that is cut, is not authentic
 * 48  12 B zero
 * 60  u32  CRC-32 of bytes 0 to 59
 * ```
 * The salt is drawn anew for every writing, so no key encrypts two contents.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { crc32 } from "node:zlib";
import type { FileHandle } from "../ports.js";
import { NONCE_BYTES, readUint64, TAG_BYTES, writeUint64 } from "../record-format.js";
import type { FileCipher } from "./file-cipher.js";

const SEALED_HEADER_BYTES = 64;
const SEGMENT_BYTES = 64 * 1024;
const VERSION = 1;
const MAGIC = Buffer.from("TITANBKS", "latin1");
const ALGORITHM = "aes-256-gcm";
const GCM = { authTagLength: TAG_BYTES };

/** The part of {@link FileHandle} that reading needs. */
export type ReadableFile = Pick<FileHandle, "read" | "readSync" | "size" | "close">;

/** The data file that the contents speak of. */
export interface SealedAbout {
  readonly fileId: number;
  readonly salt: number;
}

interface SealedHeader extends SealedAbout {
  readonly keyId: number;
  readonly keySalt: Buffer;
  readonly contentBytes: number;
}

/** Writes the contents, encrypted. @param contents in pieces of any size, together `contentBytes` */
export async function writeSealed(
  handle: FileHandle,
  cipher: FileCipher,
  about: SealedAbout,
  contents: Iterable<Uint8Array>,
  contentBytes: number,
): Promise<void> {
  const keySalt = cipher.drawSalt();
  const head = encodeHeader({ ...about, keyId: cipher.keyId, keySalt, contentBytes });
  const key = cipher.sidecarKey(keySalt);
  await handle.write(head, 0);
  const segment = Buffer.allocUnsafe(SEGMENT_BYTES);
  let filled = 0;
  let index = 0;
  const flush = async (): Promise<void> => {
    const sealed = sealSegment(key, head, index, segment.subarray(0, filled));
    await handle.write(sealed, SEALED_HEADER_BYTES + index * (SEGMENT_BYTES + TAG_BYTES));
    index += 1;
    filled = 0;
  };
  for (const piece of contents) {
    for (let from = 0; from < piece.length; ) {
      const part = piece.subarray(from, from + SEGMENT_BYTES - filled);
      segment.set(part, filled);
      filled += part.length;
      from += part.length;
      if (filled === SEGMENT_BYTES) await flush();
    }
  }
  if (filled > 0) await flush();
}

/** What the file says of itself without a key. @returns `undefined` when it is no sound sealed file */
export function readSealedAbout(
  head: Buffer,
): (SealedAbout & { readonly keyId: number }) | undefined {
  const header = decodeHeader(head);
  return typeof header === "string" ? undefined : header;
}

/**
 * The contents of a file that may be sealed, to be read as any other. Reads end where the bytes are not
 * authentic, as if the file ended there.
 * @param cipher of the data file; `undefined`: that is not encrypted, so this must not be
 * @returns the handle itself, or one that decrypts; a string saying why neither is possible
 */
export async function openContents(
  handle: FileHandle,
  cipher: FileCipher | undefined,
): Promise<ReadableFile | string> {
  const head = Buffer.alloc(SEALED_HEADER_BYTES);
  const count = await handle.read(head, 0);
  const isSealed = head.subarray(0, MAGIC.length).equals(MAGIC);
  if (cipher === undefined) return isSealed ? "encrypted, unlike what it is about" : handle;
  if (!isSealed) return "not encrypted, unlike what it is about";
  const header = decodeHeader(head.subarray(0, count));
  if (typeof header === "string") return header;
  if (header.keyId !== cipher.keyId) return "about another data file";
  return new SealedFile(handle, cipher.sidecarKey(header.keySalt), head, header.contentBytes);
}

class SealedFile implements ReadableFile {
  private readonly handle: FileHandle;
  private readonly key: KeyObject;
  private readonly head: Buffer;
  private readonly contentBytes: number;
  private readonly sealed = Buffer.allocUnsafe(SEGMENT_BYTES + TAG_BYTES);
  /** The segment that was decrypted last. */
  private segment: { readonly index: number; readonly bytes: Buffer } | undefined;

  constructor(handle: FileHandle, key: KeyObject, head: Buffer, contentBytes: number) {
    this.handle = handle;
    this.key = key;
    this.head = head;
    this.contentBytes = contentBytes;
  }

  size(): Promise<number> {
    return Promise.resolve(this.contentBytes);
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readSync(into, position);
  }

  readSync(into: Uint8Array, position: number, from = 0, to = into.length): number {
    let filled = 0;
    while (from + filled < to) {
      const place = position + filled;
      const bytes = this.show(Math.floor(place / SEGMENT_BYTES));
      const part = bytes?.subarray(
        place % SEGMENT_BYTES,
        (place % SEGMENT_BYTES) + to - from - filled,
      );
      if (part === undefined || part.length === 0) break;
      into.set(part, from + filled);
      filled += part.length;
    }
    return filled;
  }

  close(): Promise<void> {
    return this.handle.close();
  }

  private show(index: number): Buffer | undefined {
    if (this.segment?.index === index) return this.segment.bytes;
    const size = Math.min(SEGMENT_BYTES, this.contentBytes - index * SEGMENT_BYTES);
    if (size <= 0) return undefined;
    const position = SEALED_HEADER_BYTES + index * (SEGMENT_BYTES + TAG_BYTES);
    const count = this.handle.readSync(this.sealed, position, 0, size + TAG_BYTES);
    if (count < size + TAG_BYTES) return undefined;
    const bytes = openSegment(this.key, this.head, index, this.sealed.subarray(0, count));
    if (bytes !== undefined) this.segment = { index, bytes };
    return bytes;
  }
}

function sealSegment(key: KeyObject, head: Buffer, index: number, plain: Buffer): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonceOf(index), GCM);
  cipher.setAAD(head);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function openSegment(
  key: KeyObject,
  head: Buffer,
  index: number,
  sealed: Buffer,
): Buffer | undefined {
  const decipher = createDecipheriv(ALGORITHM, key, nonceOf(index), GCM);
  decipher.setAAD(head);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32LE(index, 0);
  return nonce;
}

function encodeHeader({ keyId, keySalt, contentBytes, fileId, salt }: SealedHeader): Buffer {
  const bytes = Buffer.alloc(SEALED_HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(VERSION, 8);
  bytes.writeUInt32LE(keyId, 12);
  keySalt.copy(bytes, 16);
  writeUint64(bytes, contentBytes, 32);
  bytes.writeUInt32LE(fileId, 40);
  bytes.writeUInt32LE(salt, 44);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  return bytes;
}

/** @returns the header, or in words why it cannot be used */
function decodeHeader(bytes: Buffer): SealedHeader | string {
  if (bytes.length < SEALED_HEADER_BYTES) return "header is cut short";
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return "not a sealed file";
  if (bytes.readUInt32LE(60) !== crc32(bytes.subarray(0, 60))) return "header checksum";
  if (bytes.readUInt16LE(8) !== VERSION) return "another format version";
  if (bytes.readUInt16LE(10) !== 0) return "unknown flags";
  return {
    keyId: bytes.readUInt32LE(12),
    keySalt: Buffer.from(bytes.subarray(16, 32)),
    contentBytes: readUint64(bytes, 32),
    fileId: bytes.readUInt32LE(40),
    salt: bytes.readUInt32LE(44),
  };
}
