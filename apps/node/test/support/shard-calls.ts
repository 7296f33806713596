/** What tests do to a shard of several replicas. */
import { onTestFinished } from "vitest";
import { KvError } from "../../src/kv/kv-error.js";
import { encodeCommand } from "../../src/shard/command-codec.js";
import type { OpenShardReplica } from "../../src/shard/open-shard-replica.js";
import type { Freshness } from "../../src/shard/shard-replica.js";
import { ShardWorld, type ShardWorldOptions } from "./shard-world.js";

export function newWorld(options?: ShardWorldOptions): ShardWorld {
  const world = new ShardWorld(options);
  onTestFinished(() => world.close());
  return world;
}

export function putCommand(key: string, value: string): Uint8Array {
  const body = {
    type: "put",
    keyspace: 1,
    key: Buffer.from(key),
    value: Buffer.from(value),
    ttlMs: 0,
  } as const;
  return encodeCommand({ body, atMs: 0, writeId: undefined });
}

export function read(
  replica: OpenShardReplica,
  key: string,
  freshness: Freshness,
  timeoutMs = 1000,
) {
  return replica.read(1, [Buffer.from(key)], freshness, { timeoutMs });
}

/** The error that a call fails with, once time has passed. */
export async function failure(world: ShardWorld, call: Promise<unknown>): Promise<KvError> {
  const settled = await world.settled(
    call.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  if (settled instanceof KvError) return settled;
  throw new Error(`expected a KvError, not ${String(settled)}`);
}

export function others(world: ShardWorld, leader: OpenShardReplica): OpenShardReplica[] {
  return [...world.nodes.values()].map(({ replica }) => replica).filter((one) => one !== leader);
}

export function nodeOf(world: ShardWorld, replica: OpenShardReplica): number {
  for (const node of world.nodes.values()) if (node.replica === replica) return node.id;
  throw new Error("not here");
}
