/**
 * Tokens: points of the 64-bit space on which everything is placed. The token of a key is the XXH64 (seed 0)
 * of its routing key, strings as UTF-8. It never changes, whatever the machine and the version of this
 * package: clusters store ranges of it.
 */

import { routingKeyEnd, routingKeyStart } from "./routing-key.js";
import { U64 } from "./u64.js";
import { xxh64 } from "./xxh64.js";

declare const brand: unique symbol;

/** A point of the token space: an integer in [0, 2^64). */
export type Token = bigint & { readonly [brand]: "Token" };

/** One more than the largest token. */
export const TOKEN_SPACE = 2n ** 64n;

/** @throws RangeError when `value` is not in [0, 2^64) */
export function toToken(value: bigint): Token {
  if (value < 0n || value >= TOKEN_SPACE) throw new RangeError(`not a token: ${value}`);
  return value as Token;
}

/** The token of a key, which is that of its routing key. A lone surrogate counts as U+FFFD. */
export function tokenOf(key: string | Uint8Array): Token {
  hashKey(key, scratch);
  return join(scratch);
}

/** The same without an allocation for keys of up to 4 KiB. */
export function hashKey(key: string | Uint8Array, into: U64): U64 {
  const bytes = typeof key === "string" ? encode(key) : key;
  const length = typeof key === "string" ? encodedBytes : key.length;
  const start = routingKeyStart(bytes, length);
  return xxh64(bytes, start, routingKeyEnd(bytes, start, length), 0, into);
}

/** The hash of a whole name, braces and all, under a seed. */
export function hashName(name: string, seed: number, into: U64): U64 {
  const bytes = encode(name);
  return xxh64(bytes, 0, encodedBytes, seed, into);
}

export function join({ hi, lo }: U64): Token {
  return ((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)) as Token;
}

export function split(token: Token, into: U64): U64 {
  return into.setHalves(Number(token >> 32n), Number(token & 0xffff_ffffn));
}

const SCRATCH_BYTES = 4096;
/** Bytes that one UTF-16 unit may take in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

const scratch = new U64();
const buffer = new Uint8Array(SCRATCH_BYTES);
const encoder = new TextEncoder();
/** How many bytes of what `encode` returned count. */
let encodedBytes = 0;

function encode(text: string): Uint8Array {
  if (text.length > SCRATCH_BYTES / MAX_BYTES_PER_UNIT) {
    const bytes = encoder.encode(text);
    encodedBytes = bytes.length;
    return bytes;
  }
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) {
      encodedBytes = encoder.encodeInto(text, buffer).written;
      return buffer;
    }
    buffer[at] = unit;
  }
  encodedBytes = text.length;
  return buffer;
}
