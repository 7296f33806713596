/**
 * Places the replicas of a fixed set of shards on the nodes of a ring, so that
 *
 * 1. a shard's replicas are on different nodes, as many as there are, up to `replicas`;
 * 2. no zone has two replicas of a shard as long as there is a zone without one;
 * 3. no node has more than `loadFactor` times its share, rounded up, nor less than its share by
 *    `loadFactor`, rounded down, where 1 and 2 leave a choice;
 * 4. what was placed before stays where it is, where 1 to 3 leave a choice;
 * 5. else a shard goes where the ring puts it (Mirrokni et al., "Consistent hashing with bounded loads",
 *    2016: clockwise, past nodes that are full);
 * 6. each node comes first in its share of its shards: there they are best led.
 *
 * The same input gives the same placement on every machine.
 */

import { assignLeaders } from "./leaders.js";
import { Loads } from "./loads.js";
import type { Ring } from "./ring.js";
import type { ResolvedNode } from "./ring-node.js";

/** Replicas by shard: ids of different nodes, the one that should lead first. */
export type Placement = readonly (readonly string[])[];

export interface PlacementOptions {
  /** How many shards there are; they are numbered from 0. From 1 to 65,536. */
  readonly shards: number;
  /** Replicas of each shard, if there are as many nodes. From 1 to 100. */
  readonly replicas: number;
  /** How far from its share a node's load may be, from 1 to 10. The closer to 1, the more moves when
   *  nodes come and go. @default 1.1 */
  readonly loadFactor?: number | undefined;
  /** Where replicas are now. Nodes that the ring does not have are ignored. @default nowhere */
  readonly previous?: Placement | undefined;
}

const DEFAULT_LOAD_FACTOR = 1.1;

/**
 * @throws RangeError for a number out of range, an empty ring, or a `previous` of another number of shards
 */
export function placeShards(ring: Ring, options: PlacementOptions): Placement {
  const { shards, replicas, previous } = options;
  const loadFactor = options.loadFactor ?? DEFAULT_LOAD_FACTOR;
  requireWhole("shards", shards, 65_536);
  requireWhole("replicas", replicas, 100);
  if (!(loadFactor >= 1 && loadFactor <= 10)) {
    throw new RangeError(`loadFactor must be from 1 to 10: ${loadFactor}`);
  }
  if (ring.nodes.length === 0) throw new RangeError("a ring without nodes has no room for shards");
  if (previous !== undefined && previous.length !== shards) {
    throw new RangeError(`previous places ${previous.length} shards, not ${shards}`);
  }
  const wanted = Math.min(replicas, ring.nodes.length);
  const loads = new Loads(ring.nodes, { shards, wanted, loadFactor });
  if (previous !== undefined) keep(previous, ring, loads);
  fill(ring, loads, previous !== undefined);
  loads.lowerHigh();
  loads.raiseLow();
  return assignLeaders(loads.placement(), ring.nodes, previous);
}

/** Takes over what may stay. */
function keep(previous: Placement, ring: Ring, loads: Loads): void {
  for (const [shard, ids] of previous.entries()) {
    const nodes = ids.flatMap((id) => ring.node(id) ?? []);
    // One that its zone does not allow yet may be allowed once other zones have theirs.
    while (loads.needsMore(shard)) {
      const next = nodes.find((node) => loads.isAllowed(shard, node));
      if (next === undefined) break;
      loads.add(shard, next);
    }
  }
}

/**
 * Places what is missing, in the ring's order.
 * @param lowFirst prefers nodes that have less than they should, which saves moves to them later
 */
function fill(ring: Ring, loads: Loads, lowFirst: boolean): void {
  for (let shard = 0; shard < loads.shards; shard += 1) {
    if (!loads.needsMore(shard)) continue;
    const order = ring
      .preferenceList(`shard#${shard}`, ring.nodes.length)
      .map((id) => ring.node(id) as ResolvedNode);
    while (loads.needsMore(shard)) {
      const allowed = order.filter((node) => loads.isAllowed(shard, node));
      const low = lowFirst ? allowed.find((node) => loads.isLow(node)) : undefined;
      const free = low ?? allowed.find((node) => loads.hasRoom(node));
      if (free !== undefined) loads.add(shard, free);
      else if (!loads.makeRoom(shard, allowed)) loads.add(shard, loads.leastLoaded(allowed));
    }
  }
}

function requireWhole(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw new RangeError(`${name} must be a whole number from 1 to ${most}: ${value}`);
}
