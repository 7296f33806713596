import { toBytes } from "../bytes.js";
import { type HashSeed, halfSipHash } from "./half-siphash.js";
import type { KeyWords } from "./key-words.js";

/** Longest key, in bytes: what a record has bits for. */
export const MAX_KEY_BYTES = 131_071;
const EMPTY = new Uint8Array(0);
const MAX_KEY_WORDS = Math.ceil(MAX_KEY_BYTES / 4);

/** A key inside a larger buffer; one object is reused for many calls. */
export class KeySlice {
  bytes: Uint8Array = EMPTY;
  start = 0;
  length = 0;
}

/** A key as callers pass it: bytes, a string that stands for its UTF-8, or a slice of a buffer. */
export type KeyInput = string | Uint8Array | KeySlice;

/**
 * The key of the call under way, as the tables want it. One probe is reused by all calls: loading
 * allocates nothing.
 */
export class KeyProbe implements KeyWords {
  /** Valid up to `wordCount`, and zero from there up to word 3. */
  readonly words = new Int32Array(MAX_KEY_WORDS);
  /** Length of the key in bytes. */
  length = 0;
  wordCount = 0;
  /** Signed 32 bits; set by `load` and `loadSlice`. */
  hash = 0;
  /** Changed only while no key is loaded. */
  seed: HashSeed;

  constructor(seed: HashSeed) {
    this.seed = seed;
  }

  /**
   * Takes a key: bytes as they are, a string as UTF-8 (ASCII strings without an encoder).
   * @throws RangeError when longer than 131,071 bytes
   * @throws BitcaskError `BITCASK_INVALID_STRING` on a lone surrogate, which UTF-8 cannot express
   */
  load(key: KeyInput): void {
    if (typeof key === "string") {
      if (this.packAscii(key)) this.finish();
      else this.loadUtf8(key);
    } else if (key instanceof KeySlice) {
      this.loadSlice(key.bytes, key.start, key.length);
    } else {
      this.loadSlice(key, 0, key.length);
    }
  }

  /** As {@link KeyProbe.load}, for bytes `[start, start + length)` of `bytes`. */
  loadSlice(bytes: Uint8Array, start: number, length: number): void {
    this.packBytes(bytes, start, length);
    this.finish();
  }

  /** As {@link KeyProbe.loadSlice}, for a key whose hash is known. */
  loadHashed(slice: KeySlice, hash: number): void {
    this.packBytes(slice.bytes, slice.start, slice.length);
    this.hash = hash;
  }

  /** As {@link KeyProbe.load}, for a key in the tables' own form. */
  loadWords(key: KeyWords): void {
    this.start(key.length);
    for (let index = 0; index < key.wordCount; index++)
      this.words[index] = key.words[index] as number;
    this.finish();
  }

  private finish(): void {
    this.hash = halfSipHash(this.words, this.wordCount, this.length, this.seed);
  }

  private start(length: number): void {
    if (length > MAX_KEY_BYTES) {
      throw new RangeError(`a key is at most ${MAX_KEY_BYTES} bytes long, not ${length}`);
    }
    this.length = length;
    this.wordCount = (length + 3) >>> 2;
    const words = this.words;
    words[0] = 0;
    words[1] = 0;
    words[2] = 0;
    words[3] = 0;
  }

  /** @returns false when the string is not ASCII, and then `words` hold nothing of use */
  private packAscii(key: string): boolean {
    const length = key.length;
    this.start(length);
    const words = this.words;
    const whole = length & ~3;
    let seen = 0;
    let index = 0;
    let at = 0;
    for (; at < whole; at += 4) {
      const a = key.charCodeAt(at);
      const b = key.charCodeAt(at + 1);
      const c = key.charCodeAt(at + 2);
      const d = key.charCodeAt(at + 3);
      seen |= a | b | c | d;
      words[index++] = (a << 24) | (b << 16) | (c << 8) | d;
    }
    if (at < length) {
      let word = 0;
      for (let shift = 24; at < length; at++, shift -= 8) {
        const code = key.charCodeAt(at);
        seen |= code;
        word |= code << shift;
      }
      words[index] = word;
    }
    return seen < 0x80;
  }

  private packBytes(bytes: Uint8Array, start: number, length: number): void {
    this.start(length);
    const words = this.words;
    const end = start + length;
    const whole = start + (length & ~3);
    let index = 0;
    let at = start;
    for (; at < whole; at += 4) {
      words[index++] =
        ((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number);
    }
    if (at < end) {
      let word = 0;
      for (let shift = 24; at < end; at++, shift -= 8) word |= (bytes[at] as number) << shift;
      words[index] = word;
    }
  }

  private loadUtf8(key: string): void {
    const bytes = toBytes(key, "key");
    this.loadSlice(bytes, 0, bytes.length);
  }
}
