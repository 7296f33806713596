/** Which shard a key belongs to, and which keyspaces there are, by the newest map. */
import { TokenRanges, toToken } from "@titan/ring";
import type { ClusterMap, MapKeyspace } from "../cluster/cluster-map.js";
import { DEFAULT_KEYSPACE } from "../kv/keyspace.js";
import { KvError } from "../kv/kv-error.js";
import type { ClusterView } from "./cluster-view.js";

export class ShardTable {
  readonly #view: Pick<ClusterView, "map">;
  /** What the ranges were made of; maps are immutable. */
  #map: ClusterMap | undefined;
  #ranges = TokenRanges.even(1);
  #keyspaces: ReadonlyMap<string, MapKeyspace> = new Map();

  constructor(view: Pick<ClusterView, "map">) {
    this.#view = view;
  }

  /** Shards are numbered from 0 to below this. */
  get count(): number {
    return this.#view.map.shards.length;
  }

  shardOf(key: Uint8Array): number {
    this.#renew();
    return this.#ranges.rangeOf(key);
  }

  /**
   * @param name empty for the default one
   * @throws KvError `KEYSPACE_UNKNOWN`
   */
  keyspace(name: string): MapKeyspace {
    this.#renew();
    const found = this.#keyspaces.get(name === "" ? DEFAULT_KEYSPACE : name);
    if (found !== undefined) return found;
    // The name goes into the message and metadata; a long one would only fill logs and trailers.
    // Cutting must not leave half a surrogate pair: trailers take well-formed text only.
    const shown = name.length <= 64 ? name : name.slice(0, 64).replace(/[\uD800-\uDBFF]$/u, "…");
    throw new KvError({
      code: "KEYSPACE_UNKNOWN",
      message: `there is no keyspace ${JSON.stringify(shown)}`,
      metadata: { keyspace: shown },
    });
  }

  #renew(): void {
    const { map } = this.#view;
    if (map === this.#map) return;
    this.#ranges = new TokenRanges(map.shards.map(({ start }) => toToken(BigInt(`0x${start}`))));
    this.#keyspaces = new Map(map.keyspaces.map((keyspace) => [keyspace.name, keyspace]));
    this.#map = map;
  }
}
