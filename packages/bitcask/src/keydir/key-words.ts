/**
 * A key as the tables compare it: big-endian 32-bit words, the last one padded with zero bytes.
 * Comparing such words as unsigned numbers is comparing the bytes; ties go to the length.
 */
export interface KeyWords {
  /** Valid in `[0, wordCount)`; may be longer. */
  readonly words: Int32Array;
  readonly wordCount: number;
  /** Bytes in the key, `wordCount` = `ceil(length / 4)`. */
  readonly length: number;
}

/** Negative, zero or positive as two words compare as unsigned numbers. */
export function compareWords(a: number, b: number): number {
  return (a >>> 0) - (b >>> 0);
}

/**
 * The shortest key `k` with `before < k <= upTo`, given `before < upTo`: what tells two neighbours
 * apart, for use as a separator.
 */
export function shortestBetween(before: KeyWords, upTo: KeyWords): KeyWords {
  let word = 0;
  while (word < upTo.wordCount && wordAt(before, word) === wordAt(upTo, word)) word++;
  // No word differs: `upTo` is `before` with zero bytes behind it.
  if (word === upTo.wordCount) return prefixOf(upTo, before.length + 1);
  const byte = Math.clz32(wordAt(before, word) ^ wordAt(upTo, word)) >>> 3;
  return prefixOf(upTo, Math.min(upTo.length, word * 4 + byte + 1));
}

/** A copy of the first `length` bytes of a key, 1 or more. */
export function prefixOf(key: KeyWords, length: number): KeyWords {
  const wordCount = (length + 3) >>> 2;
  const words = key.words.slice(0, wordCount);
  const padding = (wordCount * 4 - length) * 8;
  words[wordCount - 1] = wordAt({ words, wordCount, length }, wordCount - 1) & (-1 << padding);
  return { words, wordCount, length };
}

/** Word `index` of a key, 0 beyond its end. */
export function wordAt(key: KeyWords, index: number): number {
  return index < key.wordCount ? (key.words[index] as number) : 0;
}

/** Negative, zero or positive as `a` sorts before, with or after `b`. */
export function compareKeyWords(a: KeyWords, b: KeyWords, from = 0): number {
  const count = Math.min(a.wordCount, b.wordCount);
  for (let index = from; index < count; index++) {
    const mine = a.words[index] as number;
    const other = b.words[index] as number;
    if (mine !== other) return compareWords(mine, other);
  }
  return a.length - b.length;
}

/** The first 52 of 64 bits as a number that sorts like them. */
export function headOf(first: number, second: number): number {
  return (first >>> 0) * 0x10_0000 + (second >>> 12);
}
