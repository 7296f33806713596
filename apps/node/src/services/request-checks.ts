/** Checks of requests that do not depend on what is stored. */
import { Consistency, type ReadOptions, type WriteId } from "@titan/proto";
import { invalidField, KvError } from "../kv/kv-error.js";
import type { Revision } from "../kv/revision.js";
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
