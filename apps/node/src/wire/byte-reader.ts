/** Reads what `ByteWriter` wrote, from bytes that nobody vouches for. */

/** Bytes that no correct node writes. */
export class MalformedBytes extends Error {
  override readonly name: string = "MalformedBytes";
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** One pass over `[from, to)` of some bytes. What is read as bytes is a view of them. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, from = 0, to: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** @throws MalformedBytes when truncated; so do all the others */
  u8(): number {
    const byte = this.#at < this.#end ? this.#bytes[this.#at] : undefined;
    if (byte === undefined) throw new MalformedBytes("truncated");
    this.#at += 1;
    return byte;
  }

  /** Little-endian. */
  u32(): number {
    const low = this.u8() + this.u8() * 2 ** 8;
    return low + this.u8() * 2 ** 16 + this.u8() * 2 ** 24;
  }

  /** @throws MalformedBytes also when it is neither 0 nor 1 */
  flag(): boolean {
    const byte = this.u8();
    if (byte > 1) throw new MalformedBytes(`${byte} is no flag`);
    return byte === 1;
  }

  /** @throws MalformedBytes also when above 2^53 - 1 */
  varint(): number {
    let value = this.u8();
    if (value < 128) return value;
    value -= 128;
    for (let scale = 128; scale <= 2 ** 49; scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw new MalformedBytes("a number too large");
  }

  /** A safe integer of either sign: a byte for the sign, then its size. */
  signed(): number {
    return this.flag() ? 0 - this.varint() : this.varint();
  }

  /** A count of things that take `leastBytes` or more each, so that a lie cannot cost memory. */
  count(leastBytes: number): number {
    const count = this.varint();
    if (count * leastBytes > this.remaining) throw new MalformedBytes("a count beyond the end");
    return count;
  }

  /** The next `length` bytes, as a view. */
  bytes(length: number): Uint8Array {
    if (length > this.remaining) throw new MalformedBytes("truncated");
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  /** A length, then as many bytes, as a view. */
  sizedBytes(): Uint8Array {
    return this.bytes(this.varint());
  }

  /** A length in bytes, then UTF-8. */
  text(): string {
    const bytes = this.sizedBytes();
    try {
      return utf8.decode(bytes);
    } catch {
      throw new MalformedBytes("not UTF-8");
    }
  }

  /** All that is left, as a view. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** @throws MalformedBytes when something is left over */
  expectEnd(): void {
    if (this.remaining !== 0) throw new MalformedBytes(`${this.remaining} bytes left over`);
  }
}
