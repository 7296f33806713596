/**
 * XXH64, as its specification describes it (xxHash fast digest algorithm, "XXH64 algorithm description").
 * Synchronous, without allocation, and the same on machines of either byte order: input is read byte by
 * byte, low byte first.
 */

import { U64 } from "./u64.js";

const PRIME_1 = new U64(0x9e37_79b1, 0x85eb_ca87);
const PRIME_2 = new U64(0xc2b2_ae3d, 0x27d4_eb4f);
const PRIME_3 = new U64(0x1656_67b1, 0x9e37_79f9);
const PRIME_4 = new U64(0x85eb_ca77, 0xc2b2_ae63);
const PRIME_5 = new U64(0x27d4_eb2f, 0x1656_67c5);

const STRIPE_BYTES = 32;

// Hashing never yields, so one set of registers serves all calls.
const lanes = [new U64(), new U64(), new U64(), new U64()] as const;
const input = new U64();

/**
 * Hashes `bytes[from..to)`.
 * @param seed an unsigned 32-bit number
 * @param into gets the hash
 */
export function xxh64(bytes: Uint8Array, from: number, to: number, seed: number, into: U64): U64 {
  let at = from;
  if (to - from >= STRIPE_BYTES) at = hashStripes(bytes, from, to, seed, into);
  else into.setHalves(0, seed).add(PRIME_5);
  into.add(input.setHalves(0, to - from));
  for (; to - at >= 8; at += 8) {
    round(input.setHalves(0, 0), bytes, at);
    into.xor(input).rotateLeft(27).multiply(PRIME_1).add(PRIME_4);
  }
  if (to - at >= 4) {
    input.setHalves(0, readU32(bytes, at)).multiply(PRIME_1);
    into.xor(input).rotateLeft(23).multiply(PRIME_2).add(PRIME_3);
    at += 4;
  }
  for (; at < to; at += 1) {
    input.setHalves(0, bytes[at] as number).multiply(PRIME_5);
    into.xor(input).rotateLeft(11).multiply(PRIME_1);
  }
  return into
    .xorShiftRight(33)
    .multiply(PRIME_2)
    .xorShiftRight(29)
    .multiply(PRIME_3)
    .xorShiftRight(32);
}

/** @returns where the last whole stripe ends */
function hashStripes(bytes: Uint8Array, from: number, to: number, seed: number, into: U64): number {
  const [lane1, lane2, lane3, lane4] = lanes;
  lane1.setHalves(0, seed).add(PRIME_1).add(PRIME_2);
  lane2.setHalves(0, seed).add(PRIME_2);
  lane3.setHalves(0, seed);
  lane4.setHalves(0, seed).subtract(PRIME_1);
  let at = from;
  for (; to - at >= STRIPE_BYTES; at += STRIPE_BYTES) {
    round(lane1, bytes, at);
    round(lane2, bytes, at + 8);
    round(lane3, bytes, at + 16);
    round(lane4, bytes, at + 24);
  }
  into.set(lane1).rotateLeft(1);
  into.add(input.set(lane2).rotateLeft(7));
  into.add(input.set(lane3).rotateLeft(12));
  into.add(input.set(lane4).rotateLeft(18));
  for (const lane of lanes) {
    lane.multiply(PRIME_2);
    lane.rotateLeft(31).multiply(PRIME_1);
    into.xor(lane).multiply(PRIME_1).add(PRIME_4);
  }
  return at;
}

const word = new U64();

/** Takes eight bytes into `accumulator`. */
function round(accumulator: U64, bytes: Uint8Array, at: number): void {
  word.setHalves(readU32(bytes, at + 4), readU32(bytes, at)).multiply(PRIME_2);
  accumulator.add(word).rotateLeft(31).multiply(PRIME_1);
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
