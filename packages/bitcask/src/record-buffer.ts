/**
 * Encoded records one behind the other, in memory that grows: a group of writes on its way to disk.
 * Encoding, numbering and reading back make no object per record. The bytes are described in
 * `record-format.ts`.
 */
import { ByteView } from "./byte-view.js";
import { toBytes } from "./bytes.js";
import { crc32Of } from "./crc32.js";
import {
  decodeRecordHeader,
  EXPIRY_BYTES,
  HAS_EXPIRY,
  MAX_UINT32,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  TOMBSTONE,
} from "./record-format.js";

const TWO_32 = 2 ** 32;
/** Longer strings are left to the platform's encoder, which is slow to start and then fast. */
const SHORT_STRING = 48;

export class RecordBuffer {
  private memory: ByteView;
  private readonly firstBytes: number;
  private readonly doublesUpTo: number;
  /** Bytes encoded so far. */
  length = 0;

  /** @param doublesUpTo size up to which the memory doubles; beyond, it grows to what is needed */
  constructor(firstBytes: number, doublesUpTo: number) {
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
    this.reserve(RECORD_HEADER_BYTES + EXPIRY_BYTES + mostBytes(key) + mostBytes(value));
    const { view } = this.memory;
    const at = this.length;
    const keyStart = at + RECORD_HEADER_BYTES + (expiresAt === 0 ? 0 : EXPIRY_BYTES);
    const valueStart = this.put(key, keyStart, "key");
    const end = value === undefined ? valueStart : this.put(value, valueStart, "value");
    let flags = batchFlags;
    if (value === undefined) flags |= TOMBSTONE;
    if (expiresAt !== 0) {
      flags |= HAS_EXPIRY;
      view.setUint32(at + 24, expiresAt, true);
      view.setUint32(at + 28, expiresAt / TWO_32, true);
    }
    view.setUint32(at + 4, (valueStart - keyStart) * 256 + flags, true);
    view.setUint32(at + 8, end - valueStart, true);
    this.length = end;
  }

  /**
   * Completes the records in `[from, to)`, which are to be written in one go.
   * @param file where they will lie: its salt, and how much of it is written and durable
   * @returns how many there are
   */
  seal(
    from: number,
    to: number,
    firstSequence: number,
    file: { readonly salt: number; readonly size: number; readonly durableSize: number },
  ): number {
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
      view.setUint32(at, crc32Of(this.memory, at + 4, end, salt), true);
      sequence += 1;
      at = end;
    }
    return sequence - firstSequence;
  }

  /** Decodes the header of the sealed record at `at`. */
  readHeader(at: number, out: RecordHeader): void {
    decodeRecordHeader(this.memory, at, out);
  }

  /** Forgets all records; gives memory back that has grown beyond `keepBytes`. */
  clear(keepBytes: number): void {
    this.length = 0;
    if (this.memory.bytes.length > keepBytes) this.memory = ByteView.allocate(this.firstBytes);
  }

  private recordSizeAt(at: number): number {
    const { view } = this.memory;
    const word = view.getUint32(at + 4, true);
    const expiry = word & HAS_EXPIRY ? EXPIRY_BYTES : 0;
    return RECORD_HEADER_BYTES + expiry + (word >>> 8) + view.getUint32(at + 8, true);
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

/** Most bytes that the input can take up: a UTF-16 unit becomes three bytes at most. */
export function mostBytes(input: Uint8Array | string | undefined): number {
  if (input === undefined) return 0;
  return typeof input === "string" ? input.length * 3 : input.length;
}
