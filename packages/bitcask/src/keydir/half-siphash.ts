/**
 * HalfSipHash-1-3 over 32-bit words: the keyed hash that Linux uses for its hash tables
 * (Documentation/security/siphash.rst; J.-P. Aumasson, D. J. Bernstein, "SipHash", 2012).
 *
 * Keyed because keys come from users: with an unkeyed hash, or one like murmur3 whose collisions do
 * not depend on the seed, a stranger could choose keys that all land in one bucket. It is not a MAC.
 * Words are big-endian and zero-padded; the byte length is hashed as a last word of its own, so that
 * padding cannot make two keys alike.
 * @param words the key, `wordCount` of them count
 * @param byteLength length of the key before padding
 * @returns a signed 32-bit integer (signed, because V8 keeps those unboxed)
 */
export function halfSipHash(
  words: Int32Array,
  wordCount: number,
  byteLength: number,
  seed: HashSeed,
): number {
  const k0 = seed.k0;
  const k1 = seed.k1;
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  // The length goes in as one word more, and three empty rounds finish: one loop for all of them.
  const rounds = wordCount + 4;
  for (let i = 0; i < rounds; i++) {
    const m = i < wordCount ? (words[i] as number) : i === wordCount ? byteLength : 0;
    if (i === wordCount + 1) v2 ^= 0xff;
    v3 ^= m;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= m;
  }
  return v1 ^ v3;
}

/** The two 32-bit halves of the key. Secret: whoever knows it can flood the table. */
export interface HashSeed {
  readonly k0: number;
  readonly k1: number;
}
