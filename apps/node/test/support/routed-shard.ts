/** A router over one real shard, on one node of this process: disk and log in memory, time virtual. */
import { SeededRandom } from "@titan/bitcask/testing";
import type { Entry } from "../../src/kv/entry.js";
import type { KvLimits } from "../../src/kv/limits.js";
import { LINEARIZABLE, Router, type WriteCall } from "../../src/routing/router.js";
import { FakeCluster } from "./fake-cluster.js";
import { SMALL_LIMITS } from "./kv-limits.js";
import { ShardWorld, type ShardWorldOptions } from "./shard-world.js";

export const bytes = (text: string): Uint8Array => Buffer.from(text);
export const text = (value: Uint8Array | undefined): string | undefined =>
  value && Buffer.from(value).toString();

export class RoutedShard {
  readonly world: ShardWorld;
  readonly router: Router;

  private constructor(world: ShardWorld, router: Router) {
    this.world = world;
    this.router = router;
  }

  static async open(
    limits: KvLimits = SMALL_LIMITS,
    options: ShardWorldOptions & { readonly members?: number } = {},
  ): Promise<RoutedShard> {
    const world = new ShardWorld(options);
    await world.found(options.members ?? 1);
    const leader = await world.leader();
    const { map } = new FakeCluster({ nodes: 1, shards: 1 });
    const view = {
      ...{ nodeNumber: leader.leader ?? 1, map, replica: () => leader },
      peers: {
        isReachable: () => false,
        call: () => Promise.reject(new Error("there is no other node")),
      },
    };
    const random = new SeededRandom(1);
    return new RoutedShard(world, new Router({ view, clock: world.clock, random }, limits));
  }

  get call(): WriteCall {
    const keyspace = this.router.keyspace("");
    return { keyspace, writeId: undefined, limits: { timeoutMs: 5_000 } };
  }

  /** Not waited for, as all that follow; see {@link RoutedShard.settled}. */
  put(key: string, value: string, ttlMs = 0) {
    return this.router.put({ key: bytes(key), value: bytes(value), ttlMs }, this.call);
  }

  delete(key: string) {
    return this.router.delete(bytes(key), this.call);
  }

  add(delta: number, ttlMs = 0) {
    return this.router.increment({ key: bytes("n"), delta, ttlMs }, this.call);
  }

  /** @param expected `undefined`: nothing */
  swap(expected: string | undefined, newValue: string) {
    return this.router.compareAndSet(
      {
        key: bytes("k"),
        expected:
          expected === undefined
            ? { type: "absent", absent: true }
            : { type: "value", value: bytes(expected) },
        newValue: bytes(newValue),
        ttlMs: 0,
      },
      this.call,
    );
  }

  async entry(key: string, keyspace = "default"): Promise<Entry | undefined> {
    const { limits } = this.call;
    const named = this.router.keyspace(keyspace);
    return (await this.settled(this.router.get(named, bytes(key), LINEARIZABLE, limits))).entry;
  }

  async get(key: string): Promise<string | undefined> {
    return text((await this.entry(key))?.value);
  }

  settled<Result>(promise: Promise<Result>): Promise<Result> {
    return this.world.settled(promise);
  }

  close(): Promise<void> {
    return this.world.close();
  }
}

/** Runs `body` with a router over one shard. */
export async function withRoutedShard(
  body: (store: RoutedShard) => Promise<void>,
  ...options: Parameters<typeof RoutedShard.open>
): Promise<void> {
  const store = await RoutedShard.open(...options);
  try {
    await body(store);
  } finally {
    await store.close();
  }
}
