/**
 * Keys and values of the workload. A key is 16 hexadecimal digits, the image of its number under a
 * permutation of 64-bit integers: keys come in no order, never twice, and any number of them can be
 * made without keeping them.
 */

/** Bytes of a key; all are ASCII. */
export const KEY_BYTES = 16;
const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const digits = byte.toString(16).padStart(2, "0");
  return digits.charCodeAt(0) | (digits.charCodeAt(1) << 8);
});
const FEISTEL_ROUNDS = 4;
/** Distinct values; each is a slice of random bytes, so that no store can compress them. */
const VALUE_COUNT = 4096;
const VALUE_POOL_BYTES = 4 * 1024 * 1024;

/** The finalizer of MurmurHash3, a permutation of 32-bit integers. */
function mix32(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Uniform numbers of 32 bits, the same for the same seed (splitmix32). */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = mix32(seed);
  }

  next(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    return mix32(this.state);
  }

  /** In [0, 1). */
  fraction(): number {
    return this.next() / 2 ** 32;
  }

  /** In [0, bound), bound up to 2^32. The bias of some 2^-32 × bound does not matter here. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }
}

export class KeySpace {
  private readonly seed: number;
  private readonly words = new Uint16Array(KEY_BYTES / 2);
  private readonly bytes = Buffer.from(this.words.buffer);

  constructor(seed: number) {
    this.seed = seed;
  }

  /** A flat string that no one has hashed yet, as an application would bring it. */
  key(number: number): string {
    let left = mix32(this.seed);
    let right = number >>> 0;
    // A Feistel network is a permutation whatever its round function is.
    for (let round = 0; round < FEISTEL_ROUNDS; round += 1) {
      const next = (left ^ mix32(right + round)) >>> 0;
      left = right;
      right = next;
    }
    this.writeHex(left, 0);
    this.writeHex(right, 4);
    return this.bytes.toString("latin1");
  }

  /** `count` keys from `first` on. */
  keys(first: number, count: number): string[] {
    return Array.from({ length: count }, (_, index) => this.key(first + index));
  }

  private writeHex(value: number, at: number): void {
    for (let byte = 0; byte < 4; byte += 1) {
      this.words[at + byte] = HEX_PAIRS[(value >>> (24 - byte * 8)) & 0xff] ?? 0;
    }
  }
}

/** `VALUE_COUNT` values of `valueBytes`, the caller's to read only. */
export function createValues(seed: number, valueBytes: number): readonly Buffer[] {
  const dice = new Dice(seed);
  const pool = Buffer.alloc(VALUE_POOL_BYTES + valueBytes);
  for (let at = 0; at + 4 <= pool.length; at += 4) pool.writeUInt32LE(dice.next(), at);
  return Array.from({ length: VALUE_COUNT }, () => {
    const from = dice.below(VALUE_POOL_BYTES);
    return pool.subarray(from, from + valueBytes);
  });
}
