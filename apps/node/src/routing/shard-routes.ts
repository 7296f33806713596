/** Whom to ask about a shard, and in which order. */
import type { ClusterView } from "./cluster-view.js";

/** What a request has learned so far about one shard. */
export interface Tried {
  /** Nodes that were asked in this round. */
  readonly nodes: Set<number>;
  /** Whom the last answer named as the leader. */
  hint: number | undefined;
}

export class ShardRoutes {
  readonly #view: ClusterView;
  /** The node that last did what only a leader does. Bounded by the number of shards. */
  readonly #leaders = new Map<number, number>();

  constructor(view: ClusterView) {
    this.#view = view;
  }

  /** `node` has just acted as the shard's leader. */
  learn(shard: number, node: number): void {
    if (this.#leaders.get(shard) !== node) this.#leaders.set(shard, node);
  }

  /** `node` does not lead, or does not answer. */
  forget(shard: number, node: number): void {
    if (this.#leaders.get(shard) === node) this.#leaders.delete(shard);
  }

  /** As {@link ShardRoutes.leader} before anything was tried, but only a peer that is known to have led. */
  likelyLeader(shard: number): number | undefined {
    const node = this.#view.replica(shard)?.leader ?? this.#leaders.get(shard);
    if (node === undefined || node === this.#view.nodeNumber) return undefined;
    return this.#view.peers.isReachable(node) ? node : undefined;
  }

  /**
   * The node that is most likely the leader among those that were not asked yet; undefined when there is none.
   * Order: who was named by the last answer, this node's replica and whom it follows, who led last, then as the
   * map has it, reachable nodes before the others.
   */
  leader(shard: number, tried: Tried): number | undefined {
    const { nodeNumber } = this.#view;
    const replica = this.#view.replica(shard);
    const self = replica?.isLeader === true ? nodeNumber : undefined;
    for (const node of [tried.hint, self, replica?.leader, this.#leaders.get(shard)]) {
      if (node !== undefined && this.#isAskable(node, replica !== undefined, tried)) return node;
    }
    return this.#byMap(shard, tried);
  }

  /** As {@link ShardRoutes.leader}, for what any replica does: this node first. */
  any(shard: number, tried: Tried): number | undefined {
    const { nodeNumber } = this.#view;
    const isHere = this.#view.replica(shard) !== undefined;
    if (isHere && !tried.nodes.has(nodeNumber)) return nodeNumber;
    return this.leader(shard, tried);
  }

  #byMap(shard: number, tried: Tried): number | undefined {
    const place = this.#view.map.shards[shard];
    if (place === undefined) return undefined;
    const isHere = this.#view.replica(shard) !== undefined;
    const holders =
      place.move?.add === undefined ? place.replicas : [...place.replicas, place.move.add];
    const askable = holders.filter((node) => !tried.nodes.has(node));
    const reachable = askable.find((node) => this.#isAskable(node, isHere, tried));
    return reachable ?? askable.find((node) => node !== this.#view.nodeNumber);
  }

  #isAskable(node: number, isHere: boolean, tried: Tried): boolean {
    if (tried.nodes.has(node)) return false;
    return node === this.#view.nodeNumber ? isHere : this.#view.peers.isReachable(node);
  }
}
