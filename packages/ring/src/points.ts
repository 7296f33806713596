/**
 * The points of a ring, sorted by token. Each virtual node has a name, `<node id>#<number>`, and four points:
 * the XXH64 of that name under the seeds 0 to 3. With one point each, one ring of ten equal nodes in a
 * hundred would give a node more than 1.25 times its share; with four, none of many thousands did.
 */

import { hashName } from "./token.js";
import { U64 } from "./u64.js";

export const POINTS_PER_VIRTUAL_NODE = 4;

/** Points of one or more nodes. Invariant: ascending by (token, owner's place), no two alike. */
export interface Points {
  readonly count: number;
  /** Upper and lower halves of the tokens, unsigned. */
  readonly hi: Uint32Array;
  readonly lo: Uint32Array;
  /** Places of the owners in the ring's list of nodes. */
  readonly owner: Uint32Array;
}

/** All points of the nodes at their places. @param counts virtual nodes of each */
export function createPoints(ids: readonly string[], counts: readonly number[]): Points {
  const total = counts.reduce((sum, count) => sum + count * POINTS_PER_VIRTUAL_NODE, 0);
  const hi = new Uint32Array(total);
  const lo = new Uint32Array(total);
  const owner = new Uint32Array(total);
  const hash = new U64();
  let at = 0;
  for (const [place, id] of ids.entries()) {
    for (let number = 0; number < (counts[place] as number); number += 1) {
      for (let seed = 0; seed < POINTS_PER_VIRTUAL_NODE; seed += 1) {
        hashName(`${id}#${number}`, seed, hash);
        hi[at] = hash.hi;
        lo[at] = hash.lo;
        owner[at] = place;
        at += 1;
      }
    }
  }
  return sorted({ count: total, hi, lo, owner });
}

function sorted({ count, hi, lo, owner }: Points): Points {
  const order = new Uint32Array(count).map((_, at) => at);
  order.sort(
    (a, b) =>
      (hi[a] as number) - (hi[b] as number) ||
      (lo[a] as number) - (lo[b] as number) ||
      // Two nodes may meet in a token: which of them owns it must not depend on who came first.
      (owner[a] as number) - (owner[b] as number),
  );
  const take = (from: Uint32Array) => order.map((at) => from[at] as number);
  return { count, hi: take(hi), lo: take(lo), owner: take(owner) };
}

/**
 * The first point at or behind a token, clockwise.
 * @returns its index; 0 behind the last point, as the ring is round
 */
export function pointAt({ count, hi, lo }: Points, token: U64): number {
  const high = token.hi >>> 0;
  const low = token.lo >>> 0;
  let from = 0;
  let to = count;
  while (from < to) {
    const middle = (from + to) >>> 1;
    const upper = hi[middle] as number;
    if (upper < high || (upper === high && (lo[middle] as number) < low)) from = middle + 1;
    else to = middle;
  }
  return from === count ? 0 : from;
}
