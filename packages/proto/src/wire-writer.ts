/**
 * Writes the protobuf wire format: https://protobuf.dev/programming-guides/encoding
 *
 * A message is written into a scratch buffer that outlives it and is then copied out at its exact size:
 * no guess at the size, no second pass to measure it, and one allocation per message.
 */
import { MAX_ELEMENTS, ProtoError } from "./proto-error.js";

const INITIAL_BYTES = 4096;
/** A scratch buffer that grew beyond this is let go, so that one large message does not cost for ever. */
const MAX_KEPT_BYTES = 1_048_576;
/** Bytes for which a loop copies faster than TypedArray.set, whose call costs more than the work. */
const SHORT_COPY_BYTES = 24;
const MAX_VARINT_BYTES = 10;
const TWO_32 = 4_294_967_296;
const utf8 = new TextEncoder();

// At most one: messages are encoded one after the other. Absent while it is in use, so that an encode
// begun inside another one (a getter that encodes) gets a writer of its own.
let spare: WireWriter | undefined;

/** A writer to fill and {@link WireWriter.finish}. */
export function openWriter(): WireWriter {
  const writer = spare ?? new WireWriter();
  spare = undefined;
  return writer;
}

function keep(writer: WireWriter): void {
  spare = writer;
}

export class WireWriter {
  #bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  #pos = 0;

  /**
   * @returns what was written, owned by the caller: a Buffer of exactly that size, whose ArrayBuffer may
   * be Node's pool. The writer must not be used afterwards.
   */
  finish(): Uint8Array {
    // From Node's pool: for a short message far cheaper than an ArrayBuffer of its own.
    const message = Buffer.allocUnsafe(this.#pos);
    message.set(this.#bytes.subarray(0, this.#pos));
    this.#pos = 0;
    if (this.#bytes.length <= MAX_KEPT_BYTES) keep(this);
    return message;
  }

  bytes(tag: number, value: Uint8Array): void {
    if (!(value instanceof Uint8Array) && !isBytes(value)) {
      throw new TypeError(`a bytes field must be a Uint8Array, not ${typeof value}`);
    }
    const { length } = value;
    this.#reserve(length + 2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    this.#varint(length);
    if (length <= SHORT_COPY_BYTES) {
      for (let at = 0; at < length; at += 1) this.#bytes[this.#pos + at] = value[at] as number;
    } else {
      this.#bytes.set(value, this.#pos);
    }
    this.#pos += length;
  }

  string(tag: number, value: string): void {
    if (typeof value !== "string") {
      throw new TypeError(`a string field must be a string, not ${typeof value}`);
    }
    // A UTF-16 unit takes at most three bytes.
    this.#reserve(value.length * 3 + 2 * MAX_VARINT_BYTES);
    const start = this.open(tag);
    if (value.length <= SHORT_COPY_BYTES && this.#ascii(value)) {
      this.close(start);
      return;
    }
    const { written } = utf8.encodeInto(value, this.#bytes.subarray(this.#pos));
    this.#pos += written;
    this.close(start);
  }

  bool(tag: number, value: boolean): void {
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    this.#bytes[this.#pos] = value ? 1 : 0;
    this.#pos += 1;
  }

  uint32(tag: number, value: number): void {
    if (value >>> 0 !== value) throw new RangeError(`not a uint32: ${value}`);
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    this.#varint(value);
  }

  /** Enumerations. A negative number takes ten bytes, as the format asks. */
  int32(tag: number, value: number): void {
    if ((value | 0) !== value) throw new RangeError(`not an int32: ${value}`);
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    if (value >= 0) this.#varint(value);
    else this.#varint64(value >>> 0, 0xffff_ffff);
  }

  uint64(tag: number, value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`not an integer from 0 to 2^53 - 1: ${value}`);
    }
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    if (value < TWO_32) this.#varint(value);
    else this.#varint64(value >>> 0, Math.floor(value / TWO_32));
  }

  /** Zigzag: 0, -1, 1, -2, … as 0, 1, 2, 3, … */
  sint64(tag: number, value: number): void {
    if (!Number.isSafeInteger(value)) {
      throw new RangeError(`not an integer within ±(2^53 - 1): ${value}`);
    }
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    const sign = value < 0 ? 1 : 0;
    const half = sign === 0 ? value : -value - 1;
    const low = half >>> 0;
    const high = Math.floor(half / TWO_32);
    this.#varint64(((low << 1) | sign) >>> 0, ((high << 1) | (low >>> 31)) >>> 0);
  }

  /** Begins a nested message. @returns what {@link close} needs */
  open(tag: number): number {
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    this.#pos += 1; // Room for the length of a short message; close() makes more where needed.
    return this.#pos;
  }

  /** Ends the nested message that began at `start`. */
  close(start: number): void {
    const length = this.#pos - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const extra = varintBytes(length) - 1;
    this.#reserve(extra);
    this.#bytes.copyWithin(start + extra, start, this.#pos);
    this.#pos = start - 1;
    this.#varint(length);
    this.#pos += length;
  }

  /** @returns whether `value` was ASCII; if not, nothing is written. */
  #ascii(value: string): boolean {
    for (let at = 0; at < value.length; at += 1) {
      const code = value.charCodeAt(at);
      if (code >= 0x80) return false;
      this.#bytes[this.#pos + at] = code;
    }
    this.#pos += value.length;
    return true;
  }

  #reserve(extra: number): void {
    const needed = this.#pos + extra;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#pos));
    this.#bytes = grown;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#pos] = (rest & 0x7f) | 0x80;
      this.#pos += 1;
      rest >>>= 7;
    }
    this.#bytes[this.#pos] = rest;
    this.#pos += 1;
  }

  #varint64(low: number, high: number): void {
    let [lowRest, highRest] = [low, high];
    while (highRest !== 0) {
      this.#bytes[this.#pos] = (lowRest & 0x7f) | 0x80;
      this.#pos += 1;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    this.#varint(lowRest);
  }
}

/** Refuses what {@link MAX_ELEMENTS} would make unreadable at the other end. */
export function checkCount(list: readonly unknown[]): void {
  if (list.length > MAX_ELEMENTS) {
    throw new ProtoError("PROTO_TOO_MANY", `more than ${MAX_ELEMENTS} elements in a list`);
  }
}

/** Byte arrays of another realm, for example a test runner's. */
function isBytes(value: unknown): value is Uint8Array {
  return (
    ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]"
  );
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}
