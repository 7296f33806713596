/** Whether replicas of a shard hold the same at the same index, and if not, which are wrong. */

export type Verdict =
  /** All that answered agree. */
  | { readonly type: "same"; readonly compared: number }
  /** More than half of all replicas agree, and these hold something else. */
  | { readonly type: "divergent"; readonly nodes: readonly number[] }
  /** They differ, and no majority says what is right. */
  | { readonly type: "undecided"; readonly groups: readonly (readonly number[])[] };

/**
 * @param digests of the replicas that answered, by node number
 * @param replicas how many there are
 */
export function compareDigests(digests: ReadonlyMap<number, string>, replicas: number): Verdict {
  const holders = new Map<string, number[]>();
  for (const [node, digest] of digests) {
    const same = holders.get(digest);
    if (same === undefined) holders.set(digest, [node]);
    else same.push(node);
  }
  const groups = [...holders.values()].toSorted((a, b) => b.length - a.length);
  const [largest = [], ...others] = groups;
  if (others.length === 0) return { type: "same", compared: digests.size };
  if (largest.length * 2 > replicas) return { type: "divergent", nodes: others.flat() };
  return { type: "undecided", groups };
}
