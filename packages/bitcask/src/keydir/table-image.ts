/**
 * The tables of a keydir, taken apart for a file and put together again: numbers, and blocks of memory.
 * Both sides go through the same steps in the same order; what they mean is told by
 * docs/formats/index-image.md.
 */

/** Takes a keydir's tables. The blocks are views: valid until the keydir changes. */
export class TableWriter {
  readonly numbers: number[] = [];
  readonly blocks: Uint8Array[] = [];

  /** Numbers up to 2^53, of either sign. */
  number(...values: readonly number[]): void {
    for (const value of values) this.numbers.push(value);
  }

  block(bytes: Uint8Array): void {
    if (bytes.length > 0) this.blocks.push(bytes);
  }
}

/** Gives the numbers back, and collects the memory that the blocks are to be read into. */
export class TableReader {
  /** To be filled before the keydir is used; as long, and in the order, as they were written. */
  readonly blocks: Uint8Array[] = [];
  private readonly numbers: Float64Array;
  private next: number;

  /** @param from index of the first number that is the tables' */
  constructor(numbers: Float64Array, from = 0) {
    this.numbers = numbers;
    this.next = from;
  }

  /** @throws RangeError when there are no more */
  number(): number {
    const value = this.numbers[this.next++];
    if (value === undefined) throw new RangeError("the image has too few numbers");
    return value;
  }

  /** A number that sizes memory or a loop. @throws RangeError when it makes no sense */
  count(most: number): number {
    const value = this.number();
    if (Number.isInteger(value) && value >= 0 && value <= most) return value;
    throw new RangeError(`a count in the image is ${value}`);
  }

  block(bytes: Uint8Array): void {
    if (bytes.length > 0) this.blocks.push(bytes);
  }

  get isAtEnd(): boolean {
    return this.next === this.numbers.length;
  }
}

/** The first `count` elements of a typed array as bytes, in the same memory. */
export function bytesOf(
  array: Int32Array | Float64Array,
  count: number = array.length,
): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, count * array.BYTES_PER_ELEMENT);
}
