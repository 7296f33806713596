/** What the soak writes, so that writer and judge know it from the same numbers. */
import { brotliCodec, deflateCodec } from "../dist/index.js";

/** Twice what makes a store have an image of its index: deletes and expiries leave some two thirds. */
export const KEYS = 32_000;

/** Small dice that can be replayed (mulberry32). */
export class Rolls {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** An integer in [0, bound). */
  below(bound) {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }
}

export function keyOf(index) {
  return `user:${String(index).padStart(6, "0")}`;
}

/** The value that version `version` of a key has: it names both, and its size follows from them. */
export function valueOf(index, version) {
  const rolls = new Rolls(version);
  const size = rolls.below(200) === 0 ? 40_000 + rolls.below(60_000) : 20 + rolls.below(1500);
  const head = `${index} ${version} `;
  return Buffer.from(head.padEnd(size, `the value of ${index} is ${version}; `));
}

/** The version that a value names. @throws Error unless it is, byte for byte, the value of that version */
export function versionOf(index, value) {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const [, version] = bytes.toString("latin1", 0, 40).split(" ");
  if (!bytes.equals(valueOf(index, Number(version)))) {
    throw new Error(`a wrong value for ${keyOf(index)}: ${bytes.toString("latin1", 0, 60)}`);
  }
  return Number(version);
}

const KEY_OF_ID = { 1: Buffer.alloc(32, 1), 2: Buffer.alloc(32, 2) };

/** Options of a life: plain, compressed, and encrypted with either of two keys, in turn. */
export function optionsOf(life) {
  const key = (keyId) => KEY_OF_ID[keyId];
  const kinds = [
    { encryption: { keyId: 1, key } },
    { encryption: { keyId: 1, key }, compression: { codec: deflateCodec() } },
    { encryption: { keyId: 2, key }, compression: { codec: brotliCodec(1) } },
    { encryption: { keyId: 2, key } },
  ];
  return {
    dataFileMaxBytes: DATA_FILE_BYTES,
    valueCacheBytes: VALUE_CACHE_BYTES,
    // Also in a short soak, or on a slow disk, which does not get far.
    minImagedKeys: 1000,
    ...kinds[Math.floor(life / 4) % kinds.length],
  };
}

export const DATA_FILE_BYTES = 4 * 1024 * 1024;
export const VALUE_CACHE_BYTES = 8 * 1024 * 1024;
