/**
 * Hint entries as they lie in a file of format version 2: in blocks, each packed by itself. An entry says
 * little that the one before does not say already, so it is told as steps from that; keys lie apart from
 * the rest, and both are deflated. What is unpacked are entries as `hint-format.ts` describes them.
 *
 * ```
 * block                                        fields of an entry, n: a number in groups of 7 bits
 *  0  u32  number of entries                    u8   record flags
 *  4  u32  bytes of the entries, unpacked       n    key size
 *  8  u32  bytes of their fields                n    value size
 * 12  u32  bytes of their fields, deflated      step to the sequence number
 * 16  u32  bytes of their keys                  step to the offset, from the end of the record before
 * 20  u32  bytes of their keys, deflated        step to the expiry or floor; only with HAS_EXPIRY
 *  .  fields, then keys; as they are
 *     when deflating does not shorten them
 * ```
 *
 * A step is n: twice the difference to the entry before (0 before the first), or twice its negative less
 * one; `0xffffffff` says that the number itself follows, as u64.
 */
import { constants, deflateRawSync, inflateRawSync, type ZlibOptions } from "node:zlib";
import {
  createHintEntry,
  HINT_ENTRY_BYTES,
  type HintEntry,
  hintEntryBytes,
  hintedRecordSize,
  readHintEntry,
} from "./hint-format.js";
import { HAS_EXPIRY, readUint64, writeUint64 } from "./record-format.js";

export const BLOCK_HEADER_BYTES = 24;
/** Of a block's entries: those of one chunk, or a single one with the longest key. */
const MAX_UNPACKED_BYTES = 2 ** 25;
/** Flags, two sizes and three steps, each as long as can be. */
const MAX_FIELD_BYTES = 1 + 2 * 5 + 3 * 13;
const FAR = 0xffff_ffff;
const MAX_STEP = 2 ** 30;

const FAST: ZlibOptions = { level: 1 };
/** For keys without a pattern, where looking for repetitions costs time and room. */
const CODE_ONLY: ZlibOptions = { level: 1, strategy: constants.Z_HUFFMAN_ONLY };

/** Packs the blocks of one file. */
export class EntryPacker {
  private readonly entry = createHintEntry();
  /** Found out with the first block. */
  private keyPacking: ZlibOptions | undefined;

  /** @param entries whole ones, back to back. @returns the block */
  pack(entries: Buffer): Buffer {
    const { entry } = this;
    const fields = new FieldWriter(entries.length);
    const keys = Buffer.allocUnsafe(entries.length);
    let keyBytes = 0;
    let count = 0;
    for (let at = 0; at < entries.length; at = entry.end) {
      if (!readHintEntry(entries, at, entry)) throw new Error("assertion: half an entry");
      fields.write(entry);
      keyBytes += entries.copy(keys, keyBytes, entry.keyStart, entry.end);
      count += 1;
    }
    const allFields = fields.bytes.subarray(0, fields.length);
    const allKeys = keys.subarray(0, keyBytes);
    const packedFields = shorter(allFields, deflateRawSync(allFields, FAST));
    const packedKeys = this.packKeys(allKeys);
    const head = Buffer.alloc(BLOCK_HEADER_BYTES);
    const sizes = [count, entries.length, allFields.length, packedFields.length];
    for (const [index, size] of [...sizes, keyBytes, packedKeys.length].entries()) {
      head.writeUInt32LE(size, 4 * index);
    }
    return Buffer.concat([head, packedFields, packedKeys]);
  }

  private packKeys(keys: Buffer): Buffer {
    if (this.keyPacking !== undefined) {
      return shorter(keys, deflateRawSync(keys, this.keyPacking));
    }
    const fast = deflateRawSync(keys, FAST);
    const codeOnly = deflateRawSync(keys, CODE_ONLY);
    this.keyPacking = codeOnly.length < fast.length ? CODE_ONLY : FAST;
    return shorter(keys, codeOnly.length < fast.length ? codeOnly : fast);
  }
}

/** Bytes of a block behind its header; `undefined` when no block has such a header. */
export function packedBytes(head: Buffer): number | undefined {
  if (head.length < BLOCK_HEADER_BYTES) return undefined;
  const [, unpacked, fieldBytes, packedFields, keyBytes, packedKeys] = sizesOf(head);
  const isPlausible =
    unpacked <= MAX_UNPACKED_BYTES &&
    keyBytes <= unpacked &&
    packedFields <= fieldBytes &&
    packedKeys <= keyBytes &&
    fieldBytes <= (unpacked / HINT_ENTRY_BYTES) * MAX_FIELD_BYTES;
  return isPlausible ? packedFields + packedKeys : undefined;
}

/**
 * @param head of the block, which {@link packedBytes} has found plausible
 * @param body the bytes behind it
 * @returns the entries, back to back; `undefined` when the block makes no sense
 */
export function unpackBlock(head: Buffer, body: Buffer): Buffer | undefined {
  const [count, unpacked, fieldBytes, packedFields, keyBytes] = sizesOf(head);
  const fields = inflated(body.subarray(0, packedFields), fieldBytes);
  const keys = inflated(body.subarray(packedFields), keyBytes);
  if (fields === undefined || keys === undefined) return undefined;
  const entries = Buffer.allocUnsafe(unpacked);
  const reader = new FieldReader(fields);
  const { entry } = reader;
  let at = 0;
  let keyStart = 0;
  for (let index = 0; index < count; index++) {
    if (!reader.read()) return undefined;
    const end = at + hintEntryBytes(entry.keySize, entry.flags);
    if (end > unpacked || keyStart + entry.keySize > keyBytes) return undefined;
    writeFields(entries, at, entry);
    copyShort(keys, keyStart, entries, end - entry.keySize, entry.keySize);
    keyStart += entry.keySize;
    at = end;
  }
  const isWhole = at === unpacked && keyStart === keyBytes && reader.isAtEnd;
  return isWhole ? entries : undefined;
}

function sizesOf(head: Buffer): readonly [number, number, number, number, number, number] {
  const size = (index: number): number => head.readUInt32LE(4 * index);
  return [size(0), size(1), size(2), size(3), size(4), size(5)];
}

function shorter(plain: Buffer, packed: Buffer): Buffer {
  return packed.length < plain.length ? packed : plain;
}

function inflated(bytes: Buffer, size: number): Buffer | undefined {
  if (bytes.length === size) return bytes;
  try {
    const plain = inflateRawSync(bytes, { maxOutputLength: Math.max(1, size) });
    return plain.length === size ? plain : undefined;
  } catch {
    return undefined;
  }
}

/** Up to here a loop copies faster than a call. */
const MAX_LOOP_BYTES = 64;

function copyShort(from: Buffer, start: number, into: Buffer, at: number, size: number): void {
  if (size > MAX_LOOP_BYTES) {
    from.copy(into, at, start, start + size);
    return;
  }
  for (let index = 0; index < size; index++) into[at + index] = from[start + index] as number;
}

function writeFields(into: Buffer, at: number, entry: Readonly<HintEntry>): void {
  writeUint64(into, entry.sequence, at);
  into.writeUInt32LE((entry.keySize * 256 + entry.flags) >>> 0, at + 8);
  into.writeUInt32LE(entry.valueSize, at + 12);
  into.writeUIntLE(entry.position, at + 16, 6);
  if (entry.flags & HAS_EXPIRY) writeUint64(into, entry.expiresAt, at + HINT_ENTRY_BYTES);
}

function isBelow(value: number, bound: number): boolean {
  return value >= 0 && value < bound;
}

class FieldWriter {
  readonly bytes: Buffer;
  length = 0;
  private sequence = 0;
  private position = 0;
  private expiresAt = 0;

  constructor(entriesBytes: number) {
    this.bytes = Buffer.allocUnsafe(Math.ceil(entriesBytes / HINT_ENTRY_BYTES) * MAX_FIELD_BYTES);
  }

  write(entry: Readonly<HintEntry>): void {
    this.bytes[this.length++] = entry.flags;
    this.number(entry.keySize);
    this.number(entry.valueSize);
    this.step(this.sequence, entry.sequence);
    this.step(this.position, entry.position);
    this.sequence = entry.sequence;
    this.position = entry.position + hintedRecordSize(entry);
    if (!(entry.flags & HAS_EXPIRY)) return;
    this.step(this.expiresAt, entry.expiresAt);
    this.expiresAt = entry.expiresAt;
  }

  private step(from: number, to: number): void {
    const step = to - from;
    if (Math.abs(step) < MAX_STEP) {
      this.number(step < 0 ? -2 * step - 1 : 2 * step);
      return;
    }
    this.number(FAR);
    writeUint64(this.bytes, to, this.length);
    this.length += 8;
  }

  /** Below 2^32. */
  private number(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest = rest >>> 7;
    }
    this.bytes[this.length++] = rest;
  }
}

class FieldReader {
  readonly entry = createHintEntry();
  private readonly bytes: Buffer;
  private at = 0;
  private expected = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  /** Reads the next entry. @returns false when the fields end before it does, or say what cannot be */
  read(): boolean {
    const { entry, bytes } = this;
    if (this.at >= bytes.length) return false;
    entry.flags = bytes[this.at++] as number;
    entry.keySize = this.number();
    entry.valueSize = this.number();
    entry.sequence = this.step(entry.sequence);
    entry.position = this.step(this.expected);
    this.expected = entry.position + hintedRecordSize(entry);
    if (entry.flags & HAS_EXPIRY) entry.expiresAt = this.step(entry.expiresAt);
    return (
      this.at <= bytes.length &&
      isBelow(entry.keySize, 2 ** 24) &&
      isBelow(entry.valueSize, 2 ** 32) &&
      isBelow(entry.sequence, 2 ** 53) &&
      isBelow(entry.position, 2 ** 48) &&
      isBelow(entry.expiresAt, 2 ** 53)
    );
  }

  private step(from: number): number {
    const code = this.number();
    if (code === FAR) {
      const at = this.at;
      this.at += 8;
      return this.at <= this.bytes.length ? readUint64(this.bytes, at) : -1;
    }
    return from + (code % 2 === 0 ? code / 2 : -(code + 1) / 2);
  }

  private number(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] ?? 0;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let factor = 0x80; factor < 2 ** 32; factor *= 0x80) {
      byte = bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    return value;
  }
}
