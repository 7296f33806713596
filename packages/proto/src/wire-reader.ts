/**
 * Reads the protobuf wire format: https://protobuf.dev/programming-guides/encoding
 *
 * Invariant: `pos` only grows, and nothing is read at or past `bytes.length`. Generated code checks at the
 * end of every message that `pos` stands exactly on its end, so a field that reaches past the message it
 * is in is refused there, even where the bytes go on.
 */
import { MAX_ELEMENTS, ProtoError } from "./proto-error.js";

/** The value of an absent `bytes` field. Shared: it has no byte that anybody could change. */
export const EMPTY_BYTES = new Uint8Array(0);

const TWO_32 = 4_294_967_296;
/** Longest text decoded by the loop rather than by TextDecoder, whose call costs more than the work. */
const SHORT_TEXT_BYTES = 24;
/** Groups inside groups that are skipped before giving up; Titan sends none. */
const MAX_GROUP_DEPTH = 100;
// A leading U+FEFF is text here, not a byte-order mark.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class WireReader {
  readonly bytesIn: Uint8Array;
  pos = 0;
  // The last 64-bit varint, unsigned halves.
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array) {
    this.bytesIn = bytes;
  }

  /** A tag or a length: 1 to 5 bytes, refused when above 2^32 - 1. */
  uint32Strict(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    this.#varint(first);
    if (this.#high !== 0) throw malformed(this.pos, "a tag or length above 2^32 - 1");
    return this.#low;
  }

  /** Modulo 2^32, as the format asks of longer varints. */
  uint32(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    this.#varint(first);
    return this.#low;
  }

  /** Enumerations: numbers that this version does not know are kept. */
  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    const first = this.#byte();
    if (first < 0x80) return first !== 0;
    this.#varint(first);
    return (this.#low | this.#high) !== 0;
  }

  uint64(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    this.#varint(first);
    return safe(this.#high * TWO_32 + this.#low);
  }

  /** Zigzag: 0, -1, 1, -2, … as 0, 1, 2, 3, … */
  sint64(): number {
    const first = this.#byte();
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    this.#varint(first);
    const half = (this.#high >>> 1) * TWO_32 + (((this.#low >>> 1) | (this.#high << 31)) >>> 0);
    return safe((this.#low & 1) === 0 ? half : -half - 1);
  }

  /** A view of the input, never a Buffer. */
  bytes(): Uint8Array {
    const length = this.uint32Strict();
    if (length === 0) return EMPTY_BYTES;
    const start = this.pos;
    this.#advance(length);
    const { buffer, byteOffset } = this.bytesIn;
    return new Uint8Array(buffer, byteOffset + start, length);
  }

  string(): string {
    const length = this.uint32Strict();
    const start = this.pos;
    const end = this.#advance(length);
    if (length <= SHORT_TEXT_BYTES) {
      let text = "";
      let at = start;
      for (; at < end; at += 1) {
        const byte = this.bytesIn[at] as number;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (at === end) return text;
    }
    try {
      return utf8.decode(this.bytesIn.subarray(start, end));
    } catch (cause) {
      throw new ProtoError("PROTO_MALFORMED", `text at byte ${start} is not UTF-8`, { cause });
    }
  }

  /** Reads the length of a nested message. @returns where it ends */
  nestedEnd(): number {
    const length = this.uint32Strict();
    const end = this.pos + length;
    if (end > this.bytesIn.length) throw malformed(this.pos, "a length past the end");
    return end;
  }

  /** Called after the last field of a message. */
  expectEnd(end: number): void {
    if (this.pos !== end) throw malformed(this.pos, "a field past the end of its message");
  }

  /** Steps over a field that this version does not know. */
  skip(tag: number, depth = 0): void {
    if (tag >>> 3 === 0) throw malformed(this.pos, "field number 0");
    switch (tag & 7) {
      case 0:
        this.uint32();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.#advance(this.uint32Strict());
        return;
      case 3:
        this.#skipGroup(tag >>> 3, depth);
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw malformed(this.pos, `wire type ${tag & 7}`);
    }
  }

  #skipGroup(field: number, depth: number): void {
    if (depth >= MAX_GROUP_DEPTH) throw malformed(this.pos, "groups nested too deep");
    for (;;) {
      const tag = this.uint32Strict();
      if ((tag & 7) === 4) {
        if (tag >>> 3 !== field) throw malformed(this.pos, "the end of another group");
        return;
      }
      this.skip(tag, depth + 1);
    }
  }

  #advance(length: number): number {
    const end = this.pos + length;
    if (end > this.bytesIn.length) throw malformed(this.pos, "a length past the end");
    this.pos = end;
    return end;
  }

  #byte(): number {
    const byte = this.bytesIn[this.pos];
    if (byte === undefined) throw malformed(this.pos, "the end in the middle of a field");
    this.pos += 1;
    return byte;
  }

  /** The rest of a varint of more than one byte, into #low and #high. */
  #varint(first: number): void {
    let low = first & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.#low = low;
        this.#high = 0;
        return;
      }
    }
    const fifth = this.#byte();
    this.#low = (low | (fifth << 28)) >>> 0;
    let high = (fifth & 0x7f) >>> 4;
    for (let shift = 3, byte = fifth; byte >= 0x80; shift += 7) {
      if (shift > 31) throw malformed(this.pos, "a number of more than ten bytes");
      byte = this.#byte();
      if (shift === 31 && byte > 1) throw malformed(this.pos, "a number above 2^64 - 1");
      high |= (byte & 0x7f) << shift;
    }
    this.#high = high >>> 0;
  }
}

/** Adds to a list, within {@link MAX_ELEMENTS}. */
export function append<T>(list: T[], element: T): void {
  if (list.length >= MAX_ELEMENTS) {
    throw new ProtoError("PROTO_TOO_MANY", `more than ${MAX_ELEMENTS} elements in a list`);
  }
  list.push(element);
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) {
    throw new ProtoError("PROTO_OUT_OF_RANGE", `a number beyond ±(2^53 - 1): about ${value}`);
  }
  return value;
}

function malformed(pos: number, found: string): ProtoError {
  return new ProtoError("PROTO_MALFORMED", `not a message: ${found}, at byte ${pos}`);
}
