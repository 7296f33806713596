import { expect, test } from "vitest";
import { encodeCommand } from "../../src/shard/command-codec.js";
import type { OpenShardReplica } from "../../src/shard/open-shard-replica.js";
import { decodeResult } from "../../src/shard/result-codec.js";
import { failure, newWorld, nodeOf, others, putCommand, read } from "../support/shard-calls.js";
import { LIMITS, LINEARIZABLE } from "../support/shard-world.js";

test("a shard of one replica answers writes and reads", async () => {
  const world = newWorld();
  const [replica] = await world.found(1);
  await world.put("a", "1");
  expect(replica && (await world.get(replica, "a"))).toBe("1");
});

test("what was written at the leader is read at every replica, at once", async () => {
  const world = newWorld();
  const replicas = await world.found(3);
  await world.put("a", "1");
  for (const replica of replicas) expect(await world.get(replica, "a")).toBe("1");
});

test("a replica that does not lead refuses writes, names the leader, and nothing was done", async () => {
  const world = newWorld();
  await world.found(3);
  const leader = await world.leader();
  const [follower] = others(world, leader);
  const error = await failure(
    world,
    follower?.propose(putCommand("a", "1"), LIMITS) ?? Promise.resolve(),
  );
  expect(error).toMatchObject({ code: "NOT_LEADER", outcome: "not-applied" });
  expect(error.metadata["leader"]).toBe(String(nodeOf(world, leader)));
  expect(await world.get(leader, "a")).toBeUndefined();
});

test("the leader stamps its time over the command's own", async () => {
  const world = newWorld();
  const [replica] = await world.found(1);
  await world.put("a", "1", 1000);
  const [found] = await world.settled(read(replica as OpenShardReplica, "a", LINEARIZABLE));
  const elapsedMs = world.clock.wallMs() - (found?.nowMs ?? 0);
  expect(elapsedMs).toBeLessThan(1000);
  expect(found?.entry?.expiresAtMs).toBe((found?.nowMs ?? 0) + 1000);
});

test("when the leader is lost another one leads, and the old one catches up when it is back", async () => {
  const world = newWorld();
  await world.found(3);
  const old = nodeOf(world, await world.leader());
  await world.put("a", "1");
  const remains = await world.kill(old);
  await world.put("b", "2");
  const again = await world.start(old, [1, 2, 3], remains);
  expect(await world.get(again, "a")).toBe("1");
  expect(await world.get(again, "b")).toBe("2");
});

test("the crash of all nodes at once takes nothing back", async () => {
  const world = newWorld();
  await world.found(3);
  for (let at = 0; at < 30; at += 1) await world.put(`k${at}`, `${at}`);
  const remains = [await world.kill(1), await world.kill(2), await world.kill(3)];
  for (const [at, left] of remains.entries()) await world.start(at + 1, [1, 2, 3], left);
  const leader = await world.leader();
  for (let at = 0; at < 30; at += 1) expect(await world.get(leader, `k${at}`)).toBe(`${at}`);
});

test("a replica that joins behind a cut log gets a snapshot, and with it sessions, expiry and history", async () => {
  const world = newWorld({ compaction: { everyEntries: 20, keepEntries: 5 } });
  await world.found(3);
  const sessionId = Buffer.from("s");
  await world.run1({ type: "open-session", sessionId, idleTimeoutMs: 60_000 });
  const increment = {
    type: "increment",
    keyspace: 1,
    key: Buffer.from("n"),
    delta: 1,
    ttlMs: 0,
  } as const;
  const writeId = { sessionId, sequence: 1, acknowledgedBelow: 0 };
  const first = await world.run1(increment, writeId);
  for (let at = 0; at < 100; at += 1) await world.put(`k${at}`, `${at}`, at === 7 ? 100_000 : 0);
  const leader = await world.leader();
  await world.until(() => leader.group.status().firstIndex > 50);
  const joined = await world.start(4);
  await world.change(leader, "add-learner", 4);
  await world.until(() => joined.status().appliedIndex >= leader.status().commitIndex);
  expect(joined.status().role).toBe("learner");
  for (const key of ["k0", "k99", "n"]) {
    expect(await world.get(joined, key)).toBe(await world.get(leader, key));
  }
  const all = await world.settled(
    joined.changes(first.type === "increment" ? first.revision : 0, 0, LIMITS),
  );
  expect(all.type === "changes" && all.changes.length).toBe(100);
  const promoted = await world.leader();
  await world.change(promoted, "add-voter", 4);
  await world.until(() => joined.status().voters.includes(4));
  promoted.group.transferLeadership(4);
  await world.until(() => joined.isLeader);
  const command = encodeCommand({ body: increment, atMs: 0, writeId });
  expect(decodeResult(await world.settled(joined.propose(command, LIMITS)))).toEqual(first);
});

test("a command that cannot be read is refused at all replicas alike, and the shard goes on", async () => {
  const world = newWorld();
  const replicas = await world.found(3);
  const leader = await world.leader();
  for (const hostile of [Buffer.alloc(11, 255), Buffer.from("010f0000000000000000000000", "hex")]) {
    const answer = await world.settled(leader.propose(hostile, LIMITS));
    expect(() => decodeResult(answer)).toThrow("cannot be read");
  }
  expect(await failure(world, leader.propose(Buffer.alloc(3), LIMITS))).toMatchObject({
    code: "FIELD_INVALID",
  });
  await world.put("a", "1");
  for (const replica of replicas) expect(await world.get(replica, "a")).toBe("1");
});

test("a replica that was removed leaves nothing on disk, and can be added again", async () => {
  const world = newWorld();
  await world.found(3);
  await world.put("a", "1");
  const leader = await world.leader();
  const [victim] = others(world, leader);
  if (victim === undefined) throw new Error("three were founded");
  const id = nodeOf(world, victim);
  await world.change(leader, "remove", id);
  const { fileSystem, host, log } = world.node(id);
  await world.settled(victim.destroy());
  expect(fileSystem.paths().filter((path) => path.startsWith("/data/shards"))).toEqual([]);
  await world.settled(host.close());
  world.nodes.delete(id);
  const again = await world.start(id, undefined, { log, fileSystem });
  await world.change(leader, "add-learner", id);
  await world.until(() => again.status().appliedIndex >= leader.status().commitIndex);
  expect(await world.get(again, "a")).toBe("1");
});

test("the status tells roles, members and how far each is behind", async () => {
  const world = newWorld();
  await world.found(3);
  for (let at = 0; at < 5; at += 1) await world.put(`k${at}`, "v");
  const leader = await world.leader();
  await world.run(50);
  expect(leader.status()).toMatchObject({
    shard: 0,
    role: "leader",
    voters: [1, 2, 3],
    learners: [],
    keys: 5,
  });
  expect([...leader.status().lag]).toEqual([
    [1, 0],
    [2, 0],
    [3, 0],
  ]);
  const [follower] = others(world, leader);
  expect(follower?.status()).toMatchObject({ role: "follower", leader: nodeOf(world, leader) });
});
