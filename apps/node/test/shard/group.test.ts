import { expect, onTestFinished, test } from "vitest";
import { ShardWorld, type ShardWorldOptions } from "../support/shard-world.js";

function newWorld(options?: ShardWorldOptions): ShardWorld {
  const world = new ShardWorld(options);
  onTestFinished(() => world.close());
  return world;
}

test("a shard of one replica answers writes and reads", async () => {
  const world = newWorld();
  const [replica] = await world.found(1);
  await world.put("a", "1");
  expect(replica && (await world.get(replica, "a"))).toBe("1");
});

test("what was written at the leader is read at every replica", async () => {
  const world = newWorld();
  const replicas = await world.found(3);
  await world.put("a", "1");
  for (const replica of replicas) expect(await world.get(replica, "a")).toBe("1");
});
