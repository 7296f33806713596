/**
 * The state machine of the meta group: the cluster map. A command is a `MapCommand` in JSON, its answer a
 * `MapResult` in JSON, and a snapshot the map in JSON, or nothing before there is one.
 */
import type { ApplyResults, Command, InMemoryStateMachine } from "@titan/raft";
import { applyMapCommand } from "./apply-map-command.js";
import type { ClusterMap } from "./cluster-map.js";
import { decodeMap, decodeMapCommand, encodeMap } from "./map-schema.js";

/** A map in memory and as JSON is some hundred KiB; what is far beyond is none. */
const MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024;

export class MetaMachine implements InMemoryStateMachine {
  readonly kind = "in-memory";
  readonly #onMap: (map: ClusterMap) => void;
  #map: ClusterMap | undefined;

  /** @param onMap told of each map, once it is committed; must not throw */
  constructor(onMap: (map: ClusterMap) => void) {
    this.#onMap = onMap;
  }

  /** As of the last command applied here; undefined before the cluster's first one. */
  get map(): ClusterMap | undefined {
    return this.#map;
  }

  apply(commands: readonly Command[]): ApplyResults {
    const before = this.#map;
    const results = commands.map(({ data }) => {
      const { map, result } = applyMapCommand(this.#map, decodeMapCommand(data));
      this.#map = map;
      return Buffer.from(JSON.stringify(result));
    });
    if (this.#map !== undefined && this.#map !== before) this.#onMap(this.#map);
    return results;
  }

  snapshot(): readonly Uint8Array[] {
    return this.#map === undefined ? [] : [encodeMap(this.#map)];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > MAX_SNAPSHOT_BYTES)
        throw new Error("the snapshot of the cluster map is too large");
      parts.push(chunk);
    }
    this.#map = bytes === 0 ? undefined : decodeMap(Buffer.concat(parts));
    if (this.#map !== undefined) this.#onMap(this.#map);
  }
}
