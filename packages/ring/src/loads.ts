/** A placement in the making: who has which shard, and how full each node is. */

import { compareIds, type ResolvedNode } from "./ring-node.js";

interface Load {
  readonly node: ResolvedNode;
  readonly most: number;
  readonly least: number;
  readonly shards: Set<number>;
}

export class Loads {
  readonly shards: number;
  readonly #wanted: number;
  readonly #loads: ReadonlyMap<string, Load>;
  /** By shard. Invariant: different nodes, at most `wanted`, and zones used evenly. */
  readonly #replicas: ResolvedNode[][];

  constructor(
    nodes: readonly ResolvedNode[],
    limits: { readonly shards: number; readonly wanted: number; readonly loadFactor: number },
  ) {
    const { shards, wanted, loadFactor } = limits;
    this.shards = shards;
    this.#wanted = wanted;
    this.#replicas = Array.from({ length: shards }, () => []);
    const shares = sharesOf(nodes, shards * wanted, shards);
    this.#loads = new Map(
      nodes.map((node, at) => {
        const share = shares[at] as number;
        // A node cannot have a shard twice, whatever its weight.
        const most = Math.min(shards, Math.ceil(share * loadFactor - ROUNDING));
        const least = Math.floor(share / loadFactor + ROUNDING);
        return [node.id, { node, most, least, shards: new Set() }];
      }),
    );
  }

  has(shard: number, node: ResolvedNode): boolean {
    return this.#of(node).shards.has(shard);
  }

  needsMore(shard: number): boolean {
    return this.#replicasOf(shard).length < this.#wanted;
  }

  hasRoom(node: ResolvedNode): boolean {
    const { shards, most } = this.#of(node);
    return shards.size < most;
  }

  isLow(node: ResolvedNode): boolean {
    const { shards, least } = this.#of(node);
    return shards.size < least;
  }

  /** The shard is not there yet, and zones stay evenly used, also if it leaves `without` for it. */
  isAllowed(shard: number, node: ResolvedNode, without?: ResolvedNode): boolean {
    if (this.has(shard, node)) return false;
    const zone = zoneOf(node);
    let inZone = 0;
    const perZone = new Map<string, number>();
    for (const replica of this.#replicasOf(shard)) {
      if (replica === without) continue;
      const other = zoneOf(replica);
      perZone.set(other, (perZone.get(other) ?? 0) + 1);
      if (other === zone) inZone += 1;
    }
    if (inZone === 0) return true;
    // A zone may have another one when no zone that has a node to give has fewer.
    for (const { node: candidate } of this.#loads.values()) {
      const used = perZone.get(zoneOf(candidate)) ?? 0;
      const isFree = candidate === without || !this.has(shard, candidate);
      if (isFree && used < inZone) return false;
    }
    return true;
  }

  add(shard: number, node: ResolvedNode): void {
    this.#replicasOf(shard).push(node);
    this.#of(node).shards.add(shard);
  }

  /**
   * Makes one of `allowed` take `shard`, by moving another shard of it to a node with room.
   * @returns whether that could be done
   */
  makeRoom(shard: number, allowed: readonly ResolvedNode[]): boolean {
    const withRoom = [...this.#loads.values()].filter((load) => load.shards.size < load.most);
    for (const full of allowed) {
      for (const other of this.#of(full).shards) {
        const taker = withRoom.find(({ node }) => this.isAllowed(other, node, full));
        if (taker === undefined) continue;
        this.#move(other, full, taker.node);
        this.add(shard, full);
        return true;
      }
    }
    return false;
  }

  /** The one that has least for its weight. @param nodes at least one */
  leastLoaded(nodes: readonly ResolvedNode[]): ResolvedNode {
    return nodes.reduce((least, node) =>
      this.#fullness(node) < this.#fullness(least) ? node : least,
    );
  }

  /** Moves shards from nodes that have more than they may, first to those that have less than they should. */
  lowerHigh(): void {
    for (const most of ["least", "most"] as const) {
      for (const high of this.#loads.values()) {
        for (const shard of [...high.shards].toReversed()) {
          if (high.shards.size <= high.most) break;
          const takers = [...this.#loads.values()].filter(
            (load) => load.shards.size < load[most] && this.isAllowed(shard, load.node, high.node),
          );
          if (takers.length === 0) continue;
          this.#move(shard, high.node, this.leastLoaded(takers.map(({ node }) => node)));
        }
      }
    }
  }

  /** Moves shards to nodes that have less than they should, from those that have most for their weight. */
  raiseLow(): void {
    for (const low of this.#loads.values()) {
      while (low.shards.size < low.least) {
        const givers = [...this.#loads.values()]
          .filter(({ node, shards, least }) => node !== low.node && shards.size > least)
          .toSorted(
            (a, b) =>
              this.#fullness(b.node) - this.#fullness(a.node) || compareIds(a.node.id, b.node.id),
          );
        if (!givers.some((giver) => this.#give(giver, low))) break;
      }
    }
  }

  placement(): string[][] {
    return this.#replicas.map((replicas) => replicas.map(({ id }) => id));
  }

  #give(giver: Load, taker: Load): boolean {
    for (const shard of giver.shards) {
      if (!this.isAllowed(shard, taker.node, giver.node)) continue;
      this.#move(shard, giver.node, taker.node);
      return true;
    }
    return false;
  }

  #move(shard: number, from: ResolvedNode, to: ResolvedNode): void {
    const replicas = this.#replicasOf(shard);
    replicas[replicas.indexOf(from)] = to;
    this.#of(from).shards.delete(shard);
    this.#of(to).shards.add(shard);
  }

  #fullness(node: ResolvedNode): number {
    return this.#of(node).shards.size / node.weight;
  }

  #of(node: ResolvedNode): Load {
    return this.#loads.get(node.id) as Load;
  }

  #replicasOf(shard: number): ResolvedNode[] {
    return this.#replicas[shard] as ResolvedNode[];
  }
}

/** Shares are quotients: 3 times a third must not round up to 2. */
const ROUNDING = 1e-9;

/** What a node shares with others of its zone; a node without a zone fails alone. */
function zoneOf({ id, zone }: ResolvedNode): string {
  return zone === undefined ? `node\0${id}` : `zone\0${zone}`;
}

/**
 * What each node is to have, by weight, but at most every shard once: what is above that goes to the others.
 */
function sharesOf(nodes: readonly ResolvedNode[], total: number, most: number): number[] {
  const shares = nodes.map(() => 0);
  let open = nodes.map((node, at) => ({ weight: node.weight, at }));
  let rest = total;
  while (open.length > 0) {
    const weights = open.reduce((sum, { weight }) => sum + weight, 0);
    const capped = open.filter(({ weight }) => (rest * weight) / weights >= most);
    const full = capped.length === 0 ? open : capped;
    for (const { weight, at } of full) {
      shares[at] = capped.length === 0 ? (rest * weight) / weights : most;
    }
    rest -= capped.length * most;
    open = open.filter((one) => !full.includes(one));
  }
  return shares;
}
