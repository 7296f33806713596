/**
 * A hash ring (Karger et al., "Consistent hashing and random trees", 1997) with weights and zones. It never
 * changes: `withNode` and `withoutNode` make another. Which nodes a ring has is all that counts, not how it
 * came to be.
 *
 * A node owns the tokens from behind the point before one of its own up to and including that point.
 */

import { createPoints, type Points, pointAt } from "./points.js";
import { choosePreferred } from "./preference.js";
import { compareIds, type ResolvedNode, type RingNode, resolveNode } from "./ring-node.js";
import { hashKey, split, type Token } from "./token.js";
import { U64 } from "./u64.js";

export interface RingOptions {
  /** Virtual nodes per unit of weight, from 1 to 10,000. More spread the load more evenly and cost memory
   *  (48 bytes each). All who are to agree need the same. @default 150 */
  readonly virtualNodes?: number | undefined;
}

const DEFAULT_VIRTUAL_NODES = 150;
const MAX_VIRTUAL_NODES = 10_000;
/** Points are counted in 32 bits, and more than this is a mistake. */
const MAX_VIRTUAL_NODES_IN_ALL = 4_000_000;

export class Ring {
  /** By id. */
  readonly nodes: readonly ResolvedNode[];
  readonly virtualNodes: number;
  readonly #places: ReadonlyMap<string, number>;
  readonly #points: Points;

  /** @throws TypeError, RangeError for an option or a node that makes no sense, or an id given twice */
  constructor(nodes: Iterable<RingNode> = [], options: RingOptions = {}) {
    const { virtualNodes = DEFAULT_VIRTUAL_NODES } = options;
    if (
      !Number.isSafeInteger(virtualNodes) ||
      virtualNodes < 1 ||
      virtualNodes > MAX_VIRTUAL_NODES
    ) {
      throw new RangeError(`virtualNodes must be from 1 to ${MAX_VIRTUAL_NODES}: ${virtualNodes}`);
    }
    this.virtualNodes = virtualNodes;
    this.nodes = [...nodes].map(resolveNode).toSorted((a, b) => compareIds(a.id, b.id));
    this.#places = new Map(this.nodes.map(({ id }, place) => [id, place]));
    if (this.#places.size < this.nodes.length) throw new RangeError("two nodes have the same id");
    const counts = this.nodes.map(({ weight }) => Math.max(1, Math.round(weight * virtualNodes)));
    if (counts.reduce((sum, count) => sum + count, 0) > MAX_VIRTUAL_NODES_IN_ALL) {
      throw new RangeError(`more than ${MAX_VIRTUAL_NODES_IN_ALL} virtual nodes`);
    }
    const ids = this.nodes.map(({ id }) => id);
    this.#points = createPoints(ids, counts);
  }

  /** A ring with `node`, which takes the place of one of the same id: so it is given another weight. */
  withNode(node: RingNode): Ring {
    const others = this.nodes.filter(({ id }) => id !== node.id);
    return new Ring([...others, node], { virtualNodes: this.virtualNodes });
  }

  /** A ring without the node of that id; the same one if there is none. */
  withoutNode(id: string): Ring {
    if (!this.#places.has(id)) return this;
    const others = this.nodes.filter((node) => node.id !== id);
    return new Ring(others, { virtualNodes: this.virtualNodes });
  }

  node(id: string): ResolvedNode | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.nodes[place];
  }

  /** The id of the node that owns a key, by its routing key; undefined on an empty ring. No allocation. */
  ownerOf(key: string | Uint8Array): string | undefined {
    return this.#ownerAt(hashKey(key, hash));
  }

  /** The id of the node that owns a token; undefined on an empty ring. */
  ownerOfToken(token: Token): string | undefined {
    return this.#ownerAt(split(token, hash));
  }

  /**
   * Up to `count` different nodes for a key, the owner first, then in the order of their points behind it.
   * As long as there is a zone without one, no zone gets a second; then none gets a third; and so on.
   * @returns ids; fewer than `count` only when the ring has fewer nodes
   * @throws RangeError when `count` is not a whole number from 0
   */
  preferenceList(key: string | Uint8Array, count: number): string[] {
    return this.#preferred(hashKey(key, hash), count);
  }

  /** As {@link preferenceList}, for a token. */
  preferenceListOfToken(token: Token, count: number): string[] {
    return this.#preferred(split(token, hash), count);
  }

  /** The ring's points in order, as (token, owner's id); for plans, tests and people. */
  *points(): Generator<{ readonly token: Token; readonly owner: string }> {
    const { count, hi, lo, owner } = this.#points;
    for (let at = 0; at < count; at += 1) {
      const token = (BigInt(hi[at] as number) << 32n) | BigInt(lo[at] as number);
      yield { token: token as Token, owner: this.#node(owner[at] as number).id };
    }
  }

  #ownerAt(token: U64): string | undefined {
    if (this.#points.count === 0) return undefined;
    return this.#node(this.#points.owner[pointAt(this.#points, token)] as number).id;
  }

  #preferred(token: U64, count: number): string[] {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new RangeError(`count must be a whole number from 0: ${count}`);
    }
    if (this.#points.count === 0) return [];
    const start = pointAt(this.#points, token);
    return choosePreferred(this.#nodesFrom(start), this.nodes.length, count).map(({ id }) => id);
  }

  /** Each node once, in the order of its first point from `start` on. */
  *#nodesFrom(start: number): Generator<ResolvedNode> {
    const { count, owner } = this.#points;
    const seen = new Set<number>();
    for (let step = 0; step < count && seen.size < this.nodes.length; step += 1) {
      const place = owner[(start + step) % count] as number;
      if (seen.has(place)) continue;
      seen.add(place);
      yield this.#node(place);
    }
  }

  #node(place: number): ResolvedNode {
    return this.nodes[place] as ResolvedNode;
  }
}

// Calls never overlap: nothing here yields while it is in use.
const hash = new U64();
