/** Chooses nodes so that zones are used evenly. */

import type { ResolvedNode } from "./ring-node.js";

/**
 * The first `count` of `nodes`, but for those whose zone has more of them than it must.
 * @param nodes each once, in order of preference; read no further than needed
 * @param total how many there are
 */
export function choosePreferred(
  nodes: Iterable<ResolvedNode>,
  total: number,
  count: number,
): ResolvedNode[] {
  const wanted = Math.min(count, total);
  const chosen: ResolvedNode[] = [];
  if (wanted === 0) return chosen;
  const perZone = new Map<string, number>();
  /** Those passed over because their zone had one, in order. */
  let passed: ResolvedNode[] = [];
  const consider = (node: ResolvedNode, allowed: number): void => {
    const { zone } = node;
    const used = zone === undefined ? 0 : (perZone.get(zone) ?? 0);
    if (used >= allowed) {
      passed.push(node);
      return;
    }
    if (zone !== undefined) perZone.set(zone, used + 1);
    chosen.push(node);
  };
  for (const node of nodes) {
    consider(node, 1);
    if (chosen.length === wanted) return chosen;
  }
  // Every zone has its one: only now may zones have another.
  for (let allowed = 2; ; allowed += 1) {
    const candidates = passed;
    passed = [];
    for (const node of candidates) {
      if (chosen.length === wanted) return chosen;
      consider(node, allowed);
    }
    if (chosen.length === wanted) return chosen;
  }
}
