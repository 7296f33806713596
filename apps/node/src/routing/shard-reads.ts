/** Reads of shards, at whichever replica can answer. */
import type { ReadEntry } from "../shard/shard-command.js";
import type { CallLimits, Freshness, ShardPage, ShardRange } from "../shard/shard-replica.js";
import type { Attempts } from "./attempts.js";
import type { PageSize } from "./peer-bodies.js";
import type { ShardAccess } from "./shard-access.js";

export interface ShardReadsDeps {
  readonly access: ShardAccess;
  readonly attempts: Attempts;
}

export class ShardReads {
  readonly #deps: ShardReadsDeps;

  constructor(deps: ShardReadsDeps) {
    this.#deps = deps;
  }

  /** @returns an entry for each key */
  read(
    shard: number,
    what: { readonly keyspace: number; readonly keys: readonly Uint8Array[] },
    freshness: Freshness,
    limits: CallLimits,
  ): Promise<readonly ReadEntry[]> {
    const { access, attempts } = this.#deps;
    const attempt = (node: number, left: CallLimits) =>
      access.read(node, shard, what, freshness, left);
    return attempts.run({ shard, ...kindOf(freshness), attempt }, limits);
  }

  scan(
    shard: number,
    what: { readonly range: ShardRange; readonly page: PageSize },
    freshness: Freshness,
    limits: CallLimits,
  ): Promise<ShardPage> {
    const { access, attempts } = this.#deps;
    const attempt = (node: number, left: CallLimits) =>
      access.scan(node, shard, what, freshness, left);
    return attempts.run({ shard, ...kindOf(freshness), attempt }, limits);
  }
}

function kindOf({ type }: Freshness) {
  return { kind: type === "stale" ? "stale-read" : "read", isRepeatable: true } as const;
}
