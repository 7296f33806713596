import type { KeyProbe } from "./key-probe.js";
import { compareKeyWords, type KeyWords, prefixOf } from "./key-words.js";

/** Which keys; bounds combine, and a contradiction is an empty range. Bytes, or UTF-8 of strings. */
export interface KeyRangeOptions {
  /** Only keys after this one. */
  readonly gt?: string | Uint8Array;
  /** Only this key and those after it. */
  readonly gte?: string | Uint8Array;
  /** Only keys before this one. */
  readonly lt?: string | Uint8Array;
  /** Only this key and those before it. */
  readonly lte?: string | Uint8Array;
  /** Only keys that begin with these bytes. */
  readonly prefix?: string | Uint8Array;
}

/** One end of a range. */
export interface RangeEnd {
  readonly key: KeyWords;
  /** Whether the key itself belongs to the range. */
  readonly inclusive: boolean;
}

/** A range of keys; an end that is `undefined` is open. */
export interface KeyRange {
  readonly lower: RangeEnd | undefined;
  readonly upper: RangeEnd | undefined;
}

/**
 * @param probe scratch, left holding anything
 * @throws RangeError, TypeError as {@link KeyProbe.load}
 */
export function toKeyRange(options: KeyRangeOptions, probe: KeyProbe): KeyRange {
  const end = (key: string | Uint8Array | undefined, inclusive: boolean): RangeEnd | undefined =>
    key === undefined ? undefined : { key: toKeyWords(key, probe), inclusive };
  let lower = tighter(end(options.gt, false), end(options.gte, true), 1);
  let upper = tighter(end(options.lt, false), end(options.lte, true), -1);
  if (options.prefix !== undefined) {
    const prefix = toKeyWords(options.prefix, probe);
    const after = afterPrefix(prefix);
    lower = tighter(lower, { key: prefix, inclusive: true }, 1);
    if (after !== undefined) upper = tighter(upper, { key: after, inclusive: false }, -1);
  }
  return { lower, upper };
}

/** A key in the tables' own form. */
export function toKeyWords(key: string | Uint8Array, probe: KeyProbe): KeyWords {
  probe.load(key);
  const { wordCount, length } = probe;
  return { words: probe.words.slice(0, wordCount), wordCount, length };
}

/** The end that leaves less; `direction` 1 for lower ends, -1 for upper ones. */
function tighter(
  a: RangeEnd | undefined,
  b: RangeEnd | undefined,
  direction: 1 | -1,
): RangeEnd | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const order = compareKeyWords(a.key, b.key) * direction;
  if (order !== 0) return order > 0 ? a : b;
  return a.inclusive ? b : a;
}

/** The first key after all that begin with `prefix`; `undefined` when none is (empty, or all 0xff). */
function afterPrefix(prefix: KeyWords): KeyWords | undefined {
  for (let length = prefix.length; length > 0; length--) {
    const word = (length - 1) >>> 2;
    const shift = 24 - ((length - 1) & 3) * 8;
    if ((((prefix.words[word] as number) >>> shift) & 0xff) === 0xff) continue;
    const after = prefixOf(prefix, length);
    after.words[word] = (after.words[word] as number) + (1 << shift);
    return after;
  }
  return undefined;
}
