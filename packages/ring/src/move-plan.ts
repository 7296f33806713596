/** What has to move from one ring or placement to another: nothing that could stay. */

import type { Placement } from "./placement.js";
import type { Ring } from "./ring.js";
import { TOKEN_SPACE, type Token } from "./token.js";

/** A replica to be made, and the one that it makes superfluous. Make first, then remove. */
export interface ReplicaMove {
  readonly shard: number;
  /** Undefined when there is one replica fewer than before. */
  readonly to: string | undefined;
  /** Undefined when there is one replica more than before. */
  readonly from: string | undefined;
}

/**
 * The moves that lead from one placement of shards to another, by shard. Who leads does not count.
 * @throws RangeError when the two place different numbers of shards
 */
export function planReplicaMoves(from: Placement, to: Placement): ReplicaMove[] {
  if (from.length !== to.length) {
    throw new RangeError(`${from.length} shards cannot become ${to.length}`);
  }
  return from.flatMap((before, shard) => {
    const after = to[shard] ?? [];
    const made = after.filter((id) => !before.includes(id));
    const removed = before.filter((id) => !after.includes(id));
    const count = Math.max(made.length, removed.length);
    return Array.from({ length: count }, (_, at) => ({ shard, to: made[at], from: removed[at] }));
  });
}

/** A range of tokens that changes hands: from `start` to before `end`, where 2^64 is the end of all. */
export interface RangeMove {
  readonly start: Token;
  readonly end: bigint;
  /** Undefined when the ring had no nodes. */
  readonly from: string | undefined;
  /** Undefined when the ring will have no nodes. */
  readonly to: string | undefined;
}

/** The ranges of tokens whose owner on `from` is another than on `to`, ascending, as few as there can be. */
export function planRangeMoves(from: Ring, to: Ring): RangeMove[] {
  const bounds = new Set<bigint>([0n]);
  // A node owns its point itself, so the next owner begins one behind it.
  for (const ring of [from, to]) {
    for (const { token } of ring.points()) if (token + 1n < TOKEN_SPACE) bounds.add(token + 1n);
  }
  const starts = [...bounds].toSorted((a, b) => (a < b ? -1 : 1)) as Token[];
  const moves: RangeMove[] = [];
  for (const [at, start] of starts.entries()) {
    const end = starts[at + 1] ?? TOKEN_SPACE;
    const move = { start, end, from: from.ownerOfToken(start), to: to.ownerOfToken(start) };
    if (move.from === move.to) continue;
    const last = moves.at(-1);
    if (last?.end === start && last.from === move.from && last.to === move.to) {
      moves[moves.length - 1] = { ...last, end };
    } else moves.push(move);
  }
  return moves;
}
