/** Checks of requests that do not depend on what is stored. */
import { Consistency, type ReadOptions, type ShardRevision } from "@titan/proto";
import { invalidField } from "../kv/kv-error.js";
import { LINEARIZABLE, type ReadLevel, type Router } from "../routing/router.js";

const CONSISTENCIES: ReadonlySet<number> = new Set(Object.values(Consistency));

/**
 * How a read is to be served; linearizable where nothing is said.
 * @throws KvError `FIELD_INVALID`
 */
export function toReadLevel(
  read: ReadOptions | undefined,
  router: Pick<Router, "checkShards">,
): ReadLevel {
  if (read === undefined) return LINEARIZABLE;
  if (!CONSISTENCIES.has(read.consistency)) {
    throw invalidField("read.consistency", `${String(read.consistency)} is not known`);
  }
  return {
    consistency: read.consistency === Consistency.STALE ? "stale" : "linearizable",
    maxStalenessMs: read.maxStalenessMs,
    atLeast: toPositions("read.at_least", read.atLeast, router),
  };
}

/**
 * Positions by shard; the highest counts where one is named twice.
 * @throws KvError `FIELD_INVALID` for a shard that does not exist
 */
export function toPositions(
  field: string,
  positions: readonly ShardRevision[],
  router: Pick<Router, "checkShards">,
): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const { shard, revision } of positions) {
    found.set(shard, Math.max(revision, found.get(shard) ?? 0));
  }
  router.checkShards(field, found.keys());
  return found;
}
