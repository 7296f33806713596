/** The port for compression, and the two codecs that every store reads. */
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateRawSync,
  inflateRawSync,
} from "node:zlib";

/**
 * Makes values smaller. Pure: the same bytes come back, whatever the order of calls. Calls block; a
 * codec should take microseconds per kilobyte.
 */
export interface Codec {
  /** Kept with each compressed value, 1 to 255. 1 to 63 are this package's; choose from 64 on, and
   *  never give an id a second meaning. */
  readonly id: number;
  /** For messages. */
  readonly name: string;
  /** A smaller form of `value`, which must not change. One that is not smaller is not used. */
  compress(value: Uint8Array): Uint8Array;
  /**
   * The value, in memory of its own. `compressed` comes from a disk: an implementation must throw
   * rather than make more than `size` bytes of it.
   */
  decompress(compressed: Uint8Array, size: number): Uint8Array;
}

/** zlib refuses smaller chunks of output. */
const MIN_CHUNK_BYTES = 64;

/**
 * DEFLATE without a header (RFC 1951): codec 1.
 * @param level 1 (fast) to 9 (small)
 */
export function deflateCodec(level = 1): Codec {
  assertLevel("level", level, 1, 9);
  return Object.freeze({
    id: 1,
    name: "deflate",
    compress: (value: Uint8Array) => deflateRawSync(value, { level }),
    decompress: (compressed: Uint8Array, size: number) =>
      inflateRawSync(compressed, boundedBy(size)),
  });
}

/**
 * Brotli (RFC 7932): codec 2. Smaller than DEFLATE on text, slower to make.
 * @param quality 0 (fast) to 11 (small, and hundreds of times slower)
 */
export function brotliCodec(quality = 4): Codec {
  assertLevel("quality", quality, 0, 11);
  const params = { [constants.BROTLI_PARAM_QUALITY]: quality };
  return Object.freeze({
    id: 2,
    name: "brotli",
    compress: (value: Uint8Array) => brotliCompressSync(value, { params }),
    decompress: (compressed: Uint8Array, size: number) =>
      brotliDecompressSync(compressed, boundedBy(size)),
  });
}

/** One chunk of output of the exact size: it is the value's memory, and there is no other. */
function boundedBy(size: number): { chunkSize: number; maxOutputLength: number } {
  return { chunkSize: Math.max(size, MIN_CHUNK_BYTES), maxOutputLength: size };
}

function assertLevel(what: string, value: number, lowest: number, highest: number): void {
  if (Number.isInteger(value) && value >= lowest && value <= highest) return;
  throw new RangeError(`${what} must be an integer from ${lowest} to ${highest}: ${value}`);
}
