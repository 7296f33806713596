/** The newest map that this node knows, for all who work by it. */
import type { ClusterMap } from "./cluster-map.js";

/** Told of a newer map; must not throw. */
export type MapListener = (map: ClusterMap) => void;

/** What the map's readers see. */
export interface MapView {
  /** The newest that this node knows; others may know a newer one. */
  readonly current: ClusterMap;
  /** @returns a function that ends it; idempotent */
  onChange(listener: MapListener): () => void;
  /** Resolves with the first map of at least this epoch; rejects when the signal says so. */
  atLeast(epoch: number, signal: AbortSignal): Promise<ClusterMap>;
}

export class MapSource implements MapView {
  #current: ClusterMap;
  readonly #listeners = new Set<MapListener>();

  /** @param first what was known when the node last ran, or what it was founded with */
  constructor(first: ClusterMap) {
    this.#current = first;
  }

  get current(): ClusterMap {
    return this.#current;
  }

  /** Takes in a map that is committed; older ones, of a log that is gone through again, are passed over. */
  offer(map: ClusterMap): void {
    if (map.clusterId !== this.#current.clusterId || map.epoch <= this.#current.epoch) return;
    this.#current = map;
    for (const listener of [...this.#listeners]) listener(map);
  }

  onChange(listener: MapListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  atLeast(epoch: number, signal: AbortSignal): Promise<ClusterMap> {
    if (this.#current.epoch >= epoch) return Promise.resolve(this.#current);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        stop();
        signal.removeEventListener("abort", onAbort);
      };
      const onAbort = (): void => {
        end();
        reject(new Error("the map did not come in time", { cause: signal.reason }));
      };
      const stop = this.onChange((map) => {
        if (map.epoch < epoch) return;
        end();
        resolve(map);
      });
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
