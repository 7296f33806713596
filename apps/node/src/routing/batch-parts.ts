/** Batches over several shards: what is refused, and what comes of one that need not be atomic. */
import { KvError } from "../kv/kv-error.js";
import type { WriteOperation } from "../kv/requests.js";
import type { Revision } from "../kv/revision.js";

/** A position in one shard's history. */
export interface ShardPosition {
  readonly shard: number;
  readonly revision: Revision;
}

/** The operations by shard, each in their order. */
export function partsOf(
  operations: readonly WriteOperation[],
  shardOf: (key: Uint8Array) => number,
): ReadonlyMap<number, readonly WriteOperation[]> {
  const parts = new Map<number, WriteOperation[]>();
  for (const operation of operations) {
    const shard = shardOf(operation.key);
    const part = parts.get(shard);
    if (part === undefined) parts.set(shard, [operation]);
    else part.push(operation);
  }
  return parts;
}

export function crossShard(what: string, shards: Iterable<number>): KvError {
  const names = [...new Set(shards)].sort((a, b) => a - b).join(", ");
  return new KvError({
    code: "CROSS_SHARD",
    message:
      `the keys of ${what} are on several shards (${names}): give them one {hash tag}, ` +
      'as in "{user:7}:name" and "{user:7}:mail", and they are kept together',
    metadata: { shards: names },
  });
}

/**
 * The positions that a non-atomic batch got, in order of shards.
 * @throws KvError when a part failed: that failure, with an open outcome unless no part can have been applied; its
 *   metadata say which shards `applied` their part (with the revision), and which `failed`
 */
export async function settleParts(
  parts: readonly { readonly shard: number; readonly done: Promise<Revision> }[],
): Promise<readonly ShardPosition[]> {
  const applied: ShardPosition[] = [];
  const failed: { readonly shard: number; readonly error: KvError }[] = [];
  const settled = await Promise.allSettled(parts.map(({ done }) => done));
  for (const [at, { shard }] of parts.entries()) {
    const end = settled[at];
    if (end?.status === "fulfilled") applied.push({ shard, revision: end.value });
    else if (end?.reason instanceof KvError) failed.push({ shard, error: end.reason });
    else throw end?.reason;
  }
  const [first] = failed;
  if (first === undefined) return applied.sort((a, b) => a.shard - b.shard);
  const isOpen = applied.length > 0 || failed.some(({ error }) => error.outcome === "unknown");
  const { code, message, metadata } = first.error;
  throw new KvError(
    {
      code,
      message:
        `${failed.length} of ${parts.length} parts of the batch failed, ` +
        `the first on shard ${first.shard}: ${message}`,
      outcome: isOpen ? "unknown" : "not-applied",
      metadata: {
        ...metadata,
        applied: applied.map(({ shard, revision }) => `${shard}:${revision}`).join(","),
        failed: failed.map(({ shard }) => shard).join(","),
      },
    },
    { cause: first.error },
  );
}
