/** Checks of requests that do not depend on what is stored. */
import { Consistency, type ReadOptions, type ShardRevision, type WriteId } from "@titan/proto";
import { invalidField, KvError } from "../kv/kv-error.js";
import type { Revision } from "../kv/revision.js";
import { LINEARIZABLE, type ReadLevel, type Router } from "../routing/router.js";
import { ONLY_SHARD } from "./kv-codec.js";

const CONSISTENCIES: ReadonlySet<number> = new Set(Object.values(Consistency));

/**
 * A server that runs alone has one copy, so every read that it can serve is linearizable.
 * @param current the revision that the answer will include
 * @throws KvError `FIELD_INVALID`, `TOO_STALE`
 */
export function checkReadOptions(read: ReadOptions | undefined, current: Revision): void {
  if (read === undefined) return;
  if (!CONSISTENCIES.has(read.consistency)) {
    throw invalidField("read.consistency", `${String(read.consistency)} is not known`);
  }
  for (const { shard, revision } of read.atLeast) {
    if (shard !== ONLY_SHARD) throw invalidField("read.at_least", `there is no shard ${shard}`);
    if (revision > current) {
      throw new KvError({
        code: "TOO_STALE",
        message: `the node is at revision ${current}, the read asks for ${revision}`,
      });
    }
  }
}

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

/**
 * Accepting a write id without remembering it would promise a safe retry that is none.
 * @throws KvError `NOT_IMPLEMENTED`
 */
export function refuseWriteId(writeId: WriteId | undefined): void {
  if (writeId !== undefined) throw notImplemented("write_id: sessions");
}

/** The error of what this version does not serve. */
export function notImplemented(what: string): KvError {
  return new KvError({
    code: "NOT_IMPLEMENTED",
    message: `${what}: not served by this version; nothing was done`,
  });
}
