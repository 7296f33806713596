/**
 * Compressed values as they lie in records with the flag COMPRESSED. Little-endian.
 *
 * ```
 *  0  u8   codec id
 *  1  u32  size of the value
 *  5  .    compressed bytes
 * ```
 * Values are compressed first and encrypted after: ciphertext cannot be compressed. The stored size of an
 * encrypted value tells how well it compressed; who cannot accept that leaves compression off.
 */
import { asBuffer } from "../bytes.js";
import { BitcaskError } from "../errors.js";
import { COMPRESSED_PREFIX_BYTES } from "../record-format.js";
import { brotliCodec, type Codec, deflateCodec } from "./codec.js";

/** No value is larger; a size beyond it is damage. */
const MAX_VALUE_BYTES = 2 ** 30;

export interface CompressionOptions {
  /** {@link deflateCodec}, {@link brotliCodec} or one of your own. */
  readonly codec: Codec;
  /** Smaller values are stored as they are. @default 256 */
  readonly minBytes?: number | undefined;
  /** Share of its bytes, in (0, 1), that a value must lose; others are stored as they are.
   *  @default 0.125 */
  readonly minGain?: number | undefined;
}

const DEFAULTS = { minBytes: 256, minGain: 0.125 };

/** Compresses values where it pays. */
export class ValuePacker {
  private readonly codec: Codec;
  private readonly minBytes: number;
  private readonly keptShare: number;

  /** @throws RangeError */
  constructor(options: CompressionOptions) {
    this.codec = options.codec;
    this.minBytes = options.minBytes ?? DEFAULTS.minBytes;
    const minGain = options.minGain ?? DEFAULTS.minGain;
    if (!Number.isSafeInteger(this.minBytes) || this.minBytes < 1) {
      throw new RangeError(`compression.minBytes must be a positive integer: ${this.minBytes}`);
    }
    if (!(minGain > 0 && minGain < 1)) {
      throw new RangeError(`compression.minGain must be in (0, 1): ${minGain}`);
    }
    this.keptShare = 1 - minGain;
  }

  /** What is to be stored in the place of `value`; `undefined`: the value itself. */
  pack(value: Uint8Array): Uint8Array | undefined {
    const size = value.length;
    if (size < this.minBytes) return undefined;
    const compressed = this.codec.compress(value);
    const bytes = COMPRESSED_PREFIX_BYTES + compressed.length;
    if (bytes > size * this.keptShare) return undefined;
    const packed = Buffer.allocUnsafe(bytes);
    packed[0] = this.codec.id;
    packed.writeUInt32LE(size, 1);
    packed.set(compressed, COMPRESSED_PREFIX_BYTES);
    return packed;
  }
}

/** Knows the codecs that values may have been compressed with. */
export class ValueUnpacker {
  private readonly codecs = new Map<number, Codec>();

  /** @param own beside the built-in ones */
  constructor(own: readonly Codec[]) {
    for (const codec of [deflateCodec(), brotliCodec(), ...own]) this.codecs.set(codec.id, codec);
  }

  /**
   * @param place of the record, for messages
   * @returns the value; a string saying why there is none
   * @throws BitcaskError `BITCASK_UNKNOWN_CODEC`
   */
  unpack(
    packed: Uint8Array,
    place: { readonly file: string; readonly offset: number },
  ): Uint8Array | string {
    const bytes = asBuffer(packed);
    const id = bytes.readUInt8(0);
    const size = bytes.readUInt32LE(1);
    const codec = this.codecs.get(id);
    if (codec === undefined) throw unknownCodec(id, place);
    if (size === 0 || size > MAX_VALUE_BYTES) return "the size of its value is impossible";
    try {
      const value = codec.decompress(bytes.subarray(COMPRESSED_PREFIX_BYTES), size);
      if (value.length === size) return value;
    } catch {
      // Told below.
    }
    return `its value cannot be decompressed (${codec.name})`;
  }
}

/** @throws TypeError, RangeError */
export function checkCodec(codec: unknown, what: string): asserts codec is Codec {
  const { id, name, compress, decompress } = (codec ?? {}) as Partial<Record<keyof Codec, unknown>>;
  const isCodec =
    typeof name === "string" && typeof compress === "function" && typeof decompress === "function";
  if (!isCodec) throw new TypeError(`${what} is no codec`);
  if (!Number.isInteger(id) || (id as number) < 1 || (id as number) > 255) {
    throw new RangeError(`the id of a codec is an integer from 1 to 255: ${String(id)}`);
  }
}

function unknownCodec(
  id: number,
  { file, offset }: { readonly file: string; readonly offset: number },
): BitcaskError {
  return new BitcaskError({
    code: "BITCASK_UNKNOWN_CODEC",
    message:
      `the value at ${offset} of ${file} was compressed with codec ${id}, which is not known; ` +
      "name it in options.codecs",
    file,
    offset,
  });
}
