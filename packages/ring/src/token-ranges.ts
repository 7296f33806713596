/**
 * The token space cut into ranges, one after the other without a hole: which range a key falls into. Ranges
 * are stored where they were made and never computed anew, so that one can be split.
 */

import { hashKey, split, TOKEN_SPACE, type Token } from "./token.js";
import { U64 } from "./u64.js";

const MAX_RANGES = 1_000_000;

export class TokenRanges {
  /** Where each range begins: the first at 0, ascending. A range ends before the next begins. */
  readonly starts: readonly Token[];
  readonly #hi: Uint32Array;
  readonly #lo: Uint32Array;

  /** @throws RangeError unless `starts` begins with 0 and ascends */
  constructor(starts: readonly Token[]) {
    if (starts[0] !== 0n) throw new RangeError("the first range must begin at token 0");
    if (starts.length > MAX_RANGES) throw new RangeError(`more than ${MAX_RANGES} ranges`);
    this.#hi = new Uint32Array(starts.length);
    this.#lo = new Uint32Array(starts.length);
    const half = new U64();
    for (const [at, start] of starts.entries()) {
      const before = at === 0 ? undefined : starts[at - 1];
      if (before !== undefined && before >= start) {
        throw new RangeError(`range ${at} begins at ${start}, not behind ${before}`);
      }
      if (start >= TOKEN_SPACE) throw new RangeError(`not a token: ${start}`);
      split(start, half);
      this.#hi[at] = half.hi;
      this.#lo[at] = half.lo;
    }
    this.starts = [...starts];
  }

  /** `count` ranges of the same size, give or take one token. @throws RangeError for no ranges or too many */
  static even(count: number): TokenRanges {
    if (!Number.isSafeInteger(count) || count < 1 || count > MAX_RANGES) {
      throw new RangeError(`count must be from 1 to ${MAX_RANGES}: ${count}`);
    }
    const total = BigInt(count);
    return new TokenRanges(
      Array.from({ length: count }, (_, at) => ((BigInt(at) * TOKEN_SPACE) / total) as Token),
    );
  }

  get count(): number {
    return this.starts.length;
  }

  /** The number of the range that a key falls into, from 0. No allocation. */
  rangeOf(key: string | Uint8Array): number {
    return this.#rangeAt(hashKey(key, hash));
  }

  /** The number of the range that a token falls into, from 0. */
  rangeOfToken(token: Token): number {
    return this.#rangeAt(split(token, hash));
  }

  #rangeAt(token: U64): number {
    const high = token.hi >>> 0;
    const low = token.lo >>> 0;
    let from = 1;
    let to = this.starts.length;
    // Invariant: range `from - 1` begins at or before the token, range `to` behind it or not at all.
    while (from < to) {
      const middle = (from + to) >>> 1;
      const upper = this.#hi[middle] as number;
      if (upper < high || (upper === high && (this.#lo[middle] as number) <= low))
        from = middle + 1;
      else to = middle;
    }
    return from - 1;
  }
}

// Calls never overlap: nothing here yields while it is in use.
const hash = new U64();
