/** The keys in use, sorted by the shard that holds them. */
import type { TitanNode, TitanNodes } from "./titan-nodes.js";

export const VALUE = Buffer.alloc(100, "v");
const KEYS = 3_000;

export const ALL_KEYS: readonly Buffer[] = Array.from({ length: KEYS }, (_, i) =>
  Buffer.from(`key-${String((i * 7919) % KEYS).padStart(12, "0")}`),
);

/** A key for each number, spread over all of them. */
export function keyAt(sequence: number): Buffer {
  return ALL_KEYS[(sequence * 7919) % ALL_KEYS.length] ?? VALUE;
}

/** Writes every key once. @returns the keys of each shard */
export async function loadKeys(titan: TitanNodes): Promise<ReadonlyMap<number, readonly Buffer[]>> {
  const byShard = new Map<number, Buffer[]>();
  const [node] = titan.nodes;
  if (node === undefined) throw new Error("a cluster has nodes");
  const AT_ONCE = 200;
  for (let at = 0; at < ALL_KEYS.length; at += AT_ONCE) {
    const part = ALL_KEYS.slice(at, at + AT_ONCE);
    const answers = await Promise.all(part.map((key) => node.kv.put({ key, value: VALUE })));
    for (const [i, { shard }] of answers.entries()) {
      const key = part[i];
      const same = byShard.get(shard);
      if (key === undefined) continue;
      if (same === undefined) byShard.set(shard, [key]);
      else same.push(key);
    }
  }
  return byShard;
}

/** A key and the node that leads its shard. */
export interface LedKey {
  readonly key: Buffer;
  readonly leader: TitanNode;
}
