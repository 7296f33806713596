import { expect, test } from "vitest";
import type { OpenShardReplica } from "../../src/shard/open-shard-replica.js";
import { newWorld, nodeOf, others, read } from "../support/shard-calls.js";
import { LIMITS, LINEARIZABLE } from "../support/shard-world.js";

test("a key expires at all replicas at the same place of the log, told as a change", async () => {
  const world = newWorld();
  const replicas = await world.found(3);
  const { revision } = (await world.put("a", "1", 500)) as { revision: number };
  await world.put("b", "2");
  await world.run(400);
  for (const replica of replicas) expect(await world.get(replica, "a")).toBe("1");
  await world.run(1500);
  const told = new Set<string>();
  for (const replica of replicas) {
    expect(await world.get(replica, "a")).toBeUndefined();
    expect(await world.get(replica, "b")).toBe("2");
    const history = await world.settled(replica.changes(revision + 1, 0, LIMITS));
    if (history.type !== "changes") throw new Error("not compacted");
    expect(history.changes.map(({ kind }) => kind)).toEqual(["expire"]);
    told.add(JSON.stringify(history.changes));
    expect(replica.status().keys).toBe(1);
  }
  expect(told.size).toBe(1);
});

test("more keys than one command removes expire one after the other", async () => {
  const world = newWorld();
  const [replica] = await world.found(1);
  const operations = Array.from({ length: 2500 }, (_, at) => ({
    type: "put" as const,
    key: Buffer.from(`k${at}`),
    value: Buffer.from("v"),
    ttlMs: 100,
  }));
  await world.run1({ type: "batch", keyspace: 1, operations });
  expect(replica?.status().keys).toBe(2500);
  await world.until(() => replica?.status().keys === 0, 5000);
});

test("keys of a dropped keyspace are removed, and no others", async () => {
  const dropped: number[] = [];
  const world = newWorld({ droppedKeyspaces: () => dropped });
  const replicas = await world.found(3);
  await world.put("a", "1");
  for (let at = 0; at < 1500; at += 500) {
    const operations = Array.from({ length: 500 }, (_, more) => ({
      type: "put" as const,
      key: Buffer.from(`k${at + more}`),
      value: Buffer.from("v"),
      ttlMs: 0,
    }));
    await world.run1({ type: "batch", keyspace: 9, operations });
  }
  expect((await world.leader()).holdsKeyspace(9)).toBe(true);
  dropped.push(9);
  await world.until(() => replicas.every((replica) => !replica.holdsKeyspace(9)), 10_000);
  for (const replica of replicas) expect(await world.get(replica, "a")).toBe("1");
});

test("replicas come to the same digest at the same place of the log", async () => {
  const world = newWorld();
  const replicas = await world.found(3);
  for (let at = 0; at < 50; at += 1) await world.put(`k${at}`, `${at}`, at % 3 === 0 ? 10_000 : 0);
  const checksum = await world.run1({ type: "checksum" });
  if (checksum.type !== "checksum") throw new Error("a checksum");
  await world.put("later", "1");
  const digests = [];
  for (const replica of replicas) {
    digests.push(await world.settled(replica.checksum(checksum.revision, LIMITS)));
  }
  expect(digests[0]).toMatchObject({ index: checksum.revision });
  expect(digests[1]).toEqual(digests[0]);
  expect(digests[2]).toEqual(digests[0]);
  const next = await world.run1({ type: "checksum" });
  if (next.type !== "checksum") throw new Error("a checksum");
  const changed = await world.settled((await world.leader()).checksum(next.revision, LIMITS));
  expect(changed?.sha256).not.toBe(digests[0]?.sha256);
});

test("a node whose clock is ahead cannot make the shard's clock go back when it has led", async () => {
  const world = newWorld();
  await world.found(3);
  const leader = await world.leader();
  const ahead = nodeOf(world, leader);
  world.clockErrors.set(ahead, 60_000);
  await world.put("a", "1");
  const [follower] = others(world, leader);
  const nowMs = async (): Promise<number> => {
    const [found] = await world.settled(read(follower as OpenShardReplica, "a", LINEARIZABLE));
    return found?.nowMs ?? 0;
  };
  const before = await nowMs();
  await world.kill(ahead);
  await world.put("b", "1");
  expect(await nowMs()).toBe(before);
});
