/**
 * Which node leads the shard of a key, as far as is known: the cluster's map, and what nodes have said since of who leads.
 *
 * It only spares calls a detour, as any node takes any call. What it says may be out of date, and then costs that detour.
 */
import type { GetClusterMapResponse } from "@titan/proto";
import { TokenRanges, toToken } from "@titan/ring";
import { parseEndpoint } from "./endpoint-address.js";
import type { Endpoint } from "./ports.js";

export class Topology {
  /** Of the map; "" before one was learned. */
  clusterId = "";
  private epoch = -1;
  private ranges = TokenRanges.even(1);
  /** Numbers of nodes, by shard; 0: it is not known. */
  private leaders: number[] = [];
  /** By number. */
  private nodes: ReadonlyMap<number, Endpoint> = new Map();

  /** Nodes of the cluster, in order of number. Empty until a map was learned. */
  get endpoints(): readonly Endpoint[] {
    return [...this.nodes.values()];
  }

  /** Takes a map, unless a later one is known. @throws RangeError, SyntaxError for one that is none */
  learn(map: GetClusterMapResponse): void {
    if (map.clusterId === this.clusterId && map.epoch < this.epoch) return;
    const ranges = new TokenRanges(map.shards.map(({ start }) => toToken(BigInt(`0x${start}`))));
    const nodes = map.nodes.flatMap(({ number, grpcAddr }) => {
      const endpoint = reachable(grpcAddr);
      return endpoint === undefined ? [] : [[number, endpoint] as const];
    });
    this.clusterId = map.clusterId;
    this.epoch = map.epoch;
    this.ranges = ranges;
    this.nodes = new Map(nodes);
    // A node that does not know who leads tells nothing new.
    this.leaders = map.shards.map(({ leader }, shard) => {
      const before = this.leaders[shard] ?? 0;
      return leader === 0 && this.nodes.has(before) ? before : leader;
    });
  }

  /** Where the leader of `key`'s shard is reached; undefined when that is not known, or makes no difference. */
  leaderOf(key: Uint8Array): Endpoint | undefined {
    if (this.nodes.size < 2) return undefined;
    return this.nodes.get(this.leaders[this.ranges.rangeOf(key)] ?? 0);
  }

  /** A node has said who leads a shard. @returns false when the map knows no such shard or node: it is out of date */
  hint(shard: number, node: number): boolean {
    if (shard >= this.leaders.length || !this.nodes.has(node)) return false;
    this.leaders[shard] = node;
    return true;
  }

  /** Nobody is known to lead the shard of `key` until somebody says so again. */
  forgetLeaderOf(key: Uint8Array): void {
    const shard = this.ranges.rangeOf(key);
    if (shard < this.leaders.length) this.leaders[shard] = 0;
  }

  /** Whoever is reached at `address` leads nothing any more, until somebody says so again. */
  forget(address: string): void {
    for (const [number, endpoint] of this.nodes) {
      if (endpoint.address !== address) continue;
      this.leaders = this.leaders.map((leader) => (leader === number ? 0 : leader));
    }
  }
}

/** What a node says of itself may be of no use from here. */
function reachable(address: string): Endpoint | undefined {
  try {
    return parseEndpoint(address);
  } catch {
    return undefined;
  }
}
