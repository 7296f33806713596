/** Says which replica of each shard should lead, so that every node leads its share. */

import type { Placement } from "./placement.js";
import type { ResolvedNode } from "./ring-node.js";

/**
 * @param placement replicas by shard, in any order
 * @param previous whose leaders stay as long as nobody leads too much
 * @returns the same replicas: the one to lead first, the others as before, then those that are new
 */
export function assignLeaders(
  placement: readonly (readonly string[])[],
  nodes: readonly ResolvedNode[],
  previous: Placement | undefined,
): Placement {
  const weights = new Map(nodes.map(({ id, weight }) => [id, weight]));
  const led = new Map<string, number>(nodes.map(({ id }) => [id, 0]));
  const leaders = placement.map((replicas, shard) => {
    const before = previous?.[shard]?.[0];
    return before !== undefined && replicas.includes(before) ? before : undefined;
  });
  const burden = (id: string, more: number): number =>
    ((led.get(id) ?? 0) + more) / (weights.get(id) ?? 1);
  const count = (id: string, change: number): void => {
    led.set(id, (led.get(id) ?? 0) + change);
  };
  for (const leader of leaders) if (leader !== undefined) count(leader, 1);
  for (const [shard, replicas] of placement.entries()) {
    if (leaders[shard] !== undefined || replicas.length === 0) continue;
    const leader = replicas.reduce((a, b) => (burden(b, 1) < burden(a, 1) ? b : a));
    leaders[shard] = leader;
    count(leader, 1);
  }
  level(placement, leaders, { burden, count });
  return placement.map((replicas, shard) => {
    const leader = leaders[shard] as string;
    const before = previous?.[shard] ?? [];
    const stay = before.filter((id) => replicas.includes(id));
    const ordered = [...stay, ...replicas.filter((id) => !stay.includes(id))];
    return [leader, ...ordered.filter((id) => id !== leader)];
  });
}

/**
 * Hands shards over until no single hand-over makes the nodes more even. Each one lowers the greater of two
 * burdens, and raises none to where that was: so it ends.
 */
function level(
  placement: readonly (readonly string[])[],
  leaders: (string | undefined)[],
  by: {
    readonly burden: (id: string, more: number) => number;
    readonly count: (id: string, change: number) => void;
  },
): void {
  const { burden, count } = by;
  for (let hasMoved = true; hasMoved; ) {
    hasMoved = false;
    for (const [shard, replicas] of placement.entries()) {
      const leader = leaders[shard];
      if (leader === undefined) continue;
      const next = replicas.reduce((a, b) => (burden(b, 1) < burden(a, 1) ? b : a));
      // Strictly better for the one who has more, else two would hand a shard to and fro.
      if (next === leader || burden(next, 1) >= burden(leader, 0)) continue;
      count(leader, -1);
      count(next, 1);
      leaders[shard] = next;
      hasMoved = true;
    }
  }
}
