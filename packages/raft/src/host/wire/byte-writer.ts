/** Writes numbers and bytes one after another into a buffer that grows. */

const INITIAL_BYTES = 512;

export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity: number = INITIAL_BYTES) {
    this.#buffer = Buffer.allocUnsafe(Math.max(16, capacity));
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length] = value;
    this.#length += 1;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#buffer.writeUInt32LE(value, this.#length);
    this.#length += 4;
  }

  /** Unsigned LEB128 of a safe integer of at least 0: 1 to 8 bytes. */
  varint(value: number): void {
    this.#reserve(8);
    const buffer = this.#buffer;
    let at = this.#length;
    let rest = value;
    while (rest >= 2 ** 31) {
      buffer[at] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
      at += 1;
    }
    while (rest >= 128) {
      buffer[at] = (rest & 127) | 128;
      rest >>>= 7;
      at += 1;
    }
    buffer[at] = rest;
    this.#length = at + 1;
  }

  bytes(data: Uint8Array): void {
    this.#reserve(data.length);
    this.#buffer.set(data, this.#length);
    this.#length += data.length;
  }

  /** A varint of the length, then the bytes. */
  sizedBytes(data: Uint8Array): void {
    this.varint(data.length);
    this.bytes(data);
  }

  /** Writes over 4 bytes at `at`, which must have been written before. */
  patchU32(value: number, at: number): void {
    this.#buffer.writeUInt32LE(value, at);
  }

  /** Takes back what was written from `length` on. */
  cutTo(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** What was written. The writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
