/**
 * Encoded records one behind the other, in memory that grows: a group of writes on its way to disk.
 * Encoding, numbering and reading back make no object per record. The bytes are described in
 * `record-format.ts`.
 */
import { ByteView } from "./byte-view.js";
import { toBytes } from "./bytes.js";
import type { ValuePacker } from "./compression/value-packer.js";
import { crc32Of } from "./crc32.js";
import type { FileCipher } from "./encryption/file-cipher.js";
import {
  COMPRESSED,
  decodeRecordHeader,
  ENCRYPTED,
  EXPIRY_BYTES,
  HAS_EXPIRY,
  MAX_UINT32,
  NONCE_BYTES,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  SEAL_BYTES,
  TAG_BYTES,
  TOMBSTONE,
} from "./record-format.js";

const TWO_32 = 2 ** 32;
/** Longer strings are left to the platform's encoder, which is slow to start and then fast. */
const SHORT_STRING = 48;

/** What is done to records on their way to disk. */
export interface RecordEncoding {
  readonly packer: ValuePacker | undefined;
  readonly isEncrypted: boolean;
}

export const PLAIN_RECORDS: RecordEncoding = { packer: undefined, isEncrypted: false };

export class RecordBuffer {
  private memory: ByteView;
  /** Encrypted records as they are to be written, at the places that they have in `memory`. */
  private ciphertext: ByteView | undefined;
  private readonly packer: ValuePacker | undefined;
  private readonly isEncrypted: boolean;
  private readonly firstBytes: number;
  private readonly doublesUpTo: number;
  /** Bytes encoded so far. */
  length = 0;

  /** @param doublesUpTo size up to which the memory doubles; beyond, it grows to what is needed */
  constructor(firstBytes: number, doublesUpTo: number, encoding: RecordEncoding) {
    this.packer = encoding.packer;
    this.isEncrypted = encoding.isEncrypted;
    this.memory = ByteView.allocate(firstBytes);
    this.firstBytes = firstBytes;
    this.doublesUpTo = doublesUpTo;
  }

  /** The memory; another one after the next {@link RecordBuffer.append}. */
  get bytes(): Buffer {
    return this.memory.bytes;
  }

  /**
   * Encodes a record behind the others; sequence, unsynced distance and CRC are for `seal` to add.
   * @param value `undefined` for a tombstone
   * @param batchFlags 0, BATCH_PART, BATCH_END or CONTROL
   * @throws BitcaskError `BITCASK_INVALID_STRING`; the buffer is then as it was
   */
  append(
    key: Uint8Array | string,
    value: Uint8Array | string | undefined,
    expiresAt: number,
    batchFlags: number,
  ): void {
    const packed = this.packer && value !== undefined ? this.pack(value) : undefined;
    const stored = packed ?? value;
    this.reserve(
      RECORD_HEADER_BYTES + EXPIRY_BYTES + SEAL_BYTES + mostBytes(key) + mostBytes(stored),
    );
    const { view } = this.memory;
    const at = this.length;
    let keyStart = at + RECORD_HEADER_BYTES + (expiresAt === 0 ? 0 : EXPIRY_BYTES);
    if (this.isEncrypted) keyStart += NONCE_BYTES;
    const valueStart = this.put(key, keyStart, "key");
    const end = stored === undefined ? valueStart : this.put(stored, valueStart, "value");
    let flags = batchFlags;
    if (value === undefined) flags |= TOMBSTONE;
    if (packed !== undefined) flags |= COMPRESSED;
    if (this.isEncrypted) flags |= ENCRYPTED;
    if (expiresAt !== 0) {
      flags |= HAS_EXPIRY;
      view.setUint32(at + 24, expiresAt, true);
      view.setUint32(at + 28, expiresAt / TWO_32, true);
    }
    view.setUint32(at + 4, (valueStart - keyStart) * 256 + flags, true);
    view.setUint32(at + 8, end - valueStart, true);
    this.length = this.isEncrypted ? end + TAG_BYTES : end;
  }

  /**
   * Completes the records in `[from, to)`, which are to be written in one go.
   * @param file where they will lie: its salt, and how much of it is written and durable
   * @returns how many there are
   */
  seal(from: number, to: number, firstSequence: number, file: SealedFor): number {
    const { view } = this.memory;
    const { salt } = file;
    const unsynced = file.size - file.durableSize;
    let sequence = firstSequence;
    for (let at = from; at < to; ) {
      const end = at + this.recordSizeAt(at);
      const distance = unsynced + (at - from);
      view.setUint32(at + 12, distance < MAX_UINT32 ? distance : MAX_UINT32, true);
      view.setUint32(at + 16, sequence, true);
      view.setUint32(at + 20, sequence / TWO_32, true);
      if (this.isEncrypted) this.encrypt(file, at, end);
      else view.setUint32(at, crc32Of(this.memory, at + 4, end, salt), true);
      sequence += 1;
      at = end;
    }
    return sequence - firstSequence;
  }

  /** What is to be written for the records in `[from, to)`, which are sealed. */
  sealed(from: number, to: number): Buffer {
    const source = this.isEncrypted ? this.ciphertext : this.memory;
    if (source === undefined) throw new Error("assertion: the records have not been sealed");
    return source.bytes.subarray(from, to);
  }

  /** Decodes the header of the sealed record at `at`. */
  readHeader(at: number, out: RecordHeader): void {
    decodeRecordHeader(this.memory, at, out);
  }

  /** Forgets all records; gives memory back that has grown beyond `keepBytes`. */
  clear(keepBytes: number): void {
    this.length = 0;
    if (this.memory.bytes.length > keepBytes) this.memory = ByteView.allocate(this.firstBytes);
    if (this.ciphertext && this.ciphertext.bytes.length > keepBytes) this.ciphertext = undefined;
  }

  private pack(value: Uint8Array | string): Uint8Array | undefined {
    return this.packer?.pack(toBytes(value, "value"));
  }

  /** Seals a copy: the index is filled from the records in the clear. */
  private encrypt({ cipher, salt }: SealedFor, at: number, end: number): void {
    if (cipher === undefined) throw new Error("assertion: encrypted records in a plain file");
    const { bytes } = this.memory;
    if (this.ciphertext === undefined || this.ciphertext.bytes.length < bytes.length) {
      this.ciphertext = ByteView.allocate(bytes.length);
    }
    const target = this.ciphertext;
    bytes.copy(target.bytes, at, at, end);
    cipher.seal(target.bytes, at, end, bytes.readUInt8(at + 4));
    target.view.setUint32(at, crc32Of(target, at + 4, end, salt), true);
  }

  private recordSizeAt(at: number): number {
    const { view } = this.memory;
    const word = view.getUint32(at + 4, true);
    const expiry = word & HAS_EXPIRY ? EXPIRY_BYTES : 0;
    const extra = word & ENCRYPTED ? expiry + SEAL_BYTES : expiry;
    return RECORD_HEADER_BYTES + extra + (word >>> 8) + view.getUint32(at + 8, true);
  }

  /** @returns the offset behind what was written */
  private put(input: Uint8Array | string, at: number, what: string): number {
    const { bytes } = this.memory;
    if (typeof input !== "string") {
      bytes.set(input, at);
      return at + input.length;
    }
    if (input.length <= SHORT_STRING) {
      let seen = 0;
      for (let index = 0; index < input.length; index++) {
        const code = input.charCodeAt(index);
        seen |= code;
        bytes[at + index] = code;
      }
      if (seen < 0x80) return at + input.length;
    }
    const encoded = toBytes(input, what);
    bytes.set(encoded, at);
    return at + encoded.length;
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    const { bytes: old } = this.memory;
    if (needed <= old.length) return;
    const size = Math.max(needed, Math.min(old.length * 2, this.doublesUpTo));
    this.memory = ByteView.allocate(size);
    old.copy(this.memory.bytes, 0, 0, this.length);
  }
}

/** The file that records will lie in: its salt, how much of it is written and durable, and its cipher. */
export interface SealedFor {
  readonly salt: number;
  readonly size: number;
  readonly durableSize: number;
  readonly cipher: FileCipher | undefined;
}

/** Most bytes that the input can take up: a UTF-16 unit becomes three bytes at most. */
export function mostBytes(input: Uint8Array | string | undefined): number {
  if (input === undefined) return 0;
  return typeof input === "string" ? input.length * 3 : input.length;
}

/** Size on disk of records of their own, before they are compressed or encrypted. */
export function plainBytes(
  records: Iterable<{
    readonly key: Uint8Array | string;
    readonly value: Uint8Array | string | undefined;
    readonly expiresAt: number;
  }>,
): number {
  let bytes = 0;
  for (const { key, value, expiresAt } of records) {
    bytes += RECORD_HEADER_BYTES + (expiresAt === 0 ? 0 : EXPIRY_BYTES) + Buffer.byteLength(key);
    if (value !== undefined) bytes += Buffer.byteLength(value);
  }
  return bytes;
}
