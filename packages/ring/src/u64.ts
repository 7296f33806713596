/**
 * A 64-bit unsigned number that is changed in place, so that hashing allocates nothing. All arithmetic is
 * modulo 2^64. Both halves are kept as signed 32-bit integers, which the engine stores without a box.
 */

export class U64 {
  hi: number;
  lo: number;

  constructor(hi = 0, lo = 0) {
    this.hi = hi | 0;
    this.lo = lo | 0;
  }

  set(from: U64): this {
    this.hi = from.hi;
    this.lo = from.lo;
    return this;
  }

  setHalves(hi: number, lo: number): this {
    this.hi = hi | 0;
    this.lo = lo | 0;
    return this;
  }

  add(other: U64): this {
    const low = (this.lo >>> 0) + (other.lo >>> 0);
    this.lo = low | 0;
    this.hi = (this.hi + other.hi + (low > 0xffff_ffff ? 1 : 0)) | 0;
    return this;
  }

  subtract(other: U64): this {
    const borrow = this.lo >>> 0 < other.lo >>> 0 ? 1 : 0;
    this.lo = (this.lo - other.lo) | 0;
    this.hi = (this.hi - other.hi - borrow) | 0;
    return this;
  }

  multiply(other: U64): this {
    const carry = multiplyHigh(this.lo, other.lo);
    this.hi = (carry + Math.imul(this.hi, other.lo) + Math.imul(this.lo, other.hi)) | 0;
    this.lo = Math.imul(this.lo, other.lo);
    return this;
  }

  xor(other: U64): this {
    this.hi ^= other.hi;
    this.lo ^= other.lo;
    return this;
  }

  /** @param bits from 1 to 31 */
  rotateLeft(bits: number): this {
    const { hi, lo } = this;
    this.hi = (hi << bits) | (lo >>> (32 - bits));
    this.lo = (lo << bits) | (hi >>> (32 - bits));
    return this;
  }

  /** Exclusive-or with itself moved `bits` to the right. @param bits from 1 to 63 */
  xorShiftRight(bits: number): this {
    const { hi, lo } = this;
    if (bits >= 32) {
      this.lo = lo ^ (hi >>> (bits - 32));
      return this;
    }
    this.lo = lo ^ ((lo >>> bits) | (hi << (32 - bits)));
    this.hi = hi ^ (hi >>> bits);
    return this;
  }
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. No step leaves 2^53. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const low = a0 * b0;
  const middle = a1 * b0 + (low >>> 16);
  const cross = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + (middle >>> 16) + (cross >>> 16)) | 0;
}
