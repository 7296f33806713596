import { expect, test } from "vitest";
import type { Freshness } from "../../src/shard/shard-replica.js";
import { failure, newWorld, nodeOf, others, putCommand, read } from "../support/shard-calls.js";
import { LIMITS, LINEARIZABLE } from "../support/shard-world.js";

test("an isolated leader refuses writes and linearizable reads in time, and serves what may be stale", async () => {
  const world = newWorld();
  await world.found(3);
  await world.put("a", "1");
  const leader = await world.leader();
  const [follower] = others(world, leader);
  world.isolate(nodeOf(world, leader));
  const write = await failure(world, leader.propose(putCommand("a", "2"), { timeoutMs: 200 }));
  expect(["TIMED_OUT", "NOT_LEADER", "NO_LEADER"]).toContain(write.code);
  expect(write.outcome).toBe("unknown");
  const linearizable = await failure(world, read(leader, "a", LINEARIZABLE, 200));
  expect(["TIMED_OUT", "NO_LEADER"]).toContain(linearizable.code);
  const anyAge: Freshness = { type: "stale", maxStalenessMs: 0, atLeast: 0 };
  const [stale] = await world.settled(read(leader, "a", anyAge));
  expect(Buffer.from(stale?.entry?.value ?? []).toString()).toBe("1");
  const young: Freshness = { type: "stale", maxStalenessMs: 100, atLeast: 0 };
  expect((await failure(world, read(leader, "a", young, 200))).code).toBe("TOO_STALE");
  await world.until(
    () => follower?.leader !== undefined && follower.leader !== nodeOf(world, leader),
  );
  world.heal();
  await world.put("a", "3");
  await world.until(() => leader.leader !== undefined);
  expect(await world.get(leader, "a")).toBe("3");
});

test("a stale read is served without a word to others while the proof of its age is young enough", async () => {
  const world = newWorld();
  await world.found(3);
  await world.put("a", "1");
  const [follower] = others(world, await world.leader());
  if (follower === undefined) throw new Error("three were founded");
  const young: Freshness = { type: "stale", maxStalenessMs: 500, atLeast: 0 };
  expect(follower.stalenessMs).toBe(Number.POSITIVE_INFINITY);
  const [first] = await world.settled(read(follower, "a", young));
  expect(Buffer.from(first?.entry?.value ?? []).toString()).toBe("1");
  world.isolate(nodeOf(world, follower));
  await world.run(300);
  let isServed = false;
  void read(follower, "a", young).then(() => {
    isServed = true;
  });
  await world.flush();
  expect(isServed).toBe(true);
  await world.run(300);
  expect((await failure(world, read(follower, "a", young, 200))).code).toBe("TOO_STALE");
});

test("a read that has to include a revision waits for it, and is refused when it does not come", async () => {
  const world = newWorld();
  await world.found(3);
  const leader = await world.leader();
  const [follower] = others(world, leader);
  if (follower === undefined) throw new Error("three were founded");
  world.isolate(nodeOf(world, follower));
  const { revision } = (await world.put("a", "1")) as { revision: number };
  const mine: Freshness = { type: "stale", maxStalenessMs: 0, atLeast: revision };
  expect((await failure(world, read(follower, "a", mine, 100))).code).toBe("TOO_STALE");
  const waiting = read(follower, "a", mine, 5000);
  world.heal();
  const [found] = await world.settled(waiting);
  expect(Buffer.from(found?.entry?.value ?? []).toString()).toBe("1");
  expect(found?.shardRevision).toBeGreaterThanOrEqual(revision);
});

test("a watch waits for changes, goes on at another replica, and misses and repeats nothing", async () => {
  const world = newWorld();
  await world.found(3);
  const leader = await world.leader();
  const [follower] = others(world, leader);
  if (follower === undefined) throw new Error("three were founded");
  const start = await world.settled(leader.changes("now", 0, LIMITS));
  if (start.type !== "changes") throw new Error("not compacted");
  expect(start.changes).toEqual([]);
  const waiting = leader.changes(start.progress, 4000, LIMITS);
  await world.put("a", "1");
  const first = await world.settled(waiting);
  if (first.type !== "changes") throw new Error("not compacted");
  expect(first.changes.map(({ key }) => Buffer.from(key).toString())).toEqual(["a"]);
  await world.put("b", "2");
  await world.kill(nodeOf(world, leader));
  await world.put("c", "3");
  const keys: string[] = [];
  let { progress } = first;
  while (keys.length < 2) {
    const more = await world.settled(follower.changes(progress, 4000, LIMITS));
    if (more.type !== "changes") throw new Error("not compacted");
    keys.push(...more.changes.map(({ key }) => Buffer.from(key).toString()));
    progress = more.progress;
  }
  expect(keys).toEqual(["b", "c"]);
});

test("a long poll without a change ends with progress when its time is up, or when it is cancelled", async () => {
  const world = newWorld();
  const [replica] = await world.found(1);
  if (replica === undefined) throw new Error("one was founded");
  await world.put("a", "1");
  const from = replica.status().appliedIndex;
  expect(await world.settled(replica.changes(from, 50, LIMITS))).toEqual({
    type: "changes",
    changes: [],
    progress: from,
  });
  const cancel = new AbortController();
  const polling = replica.changes(from, 60_000, { timeoutMs: 60_000, signal: cancel.signal });
  cancel.abort();
  let isOver = false;
  void polling.then(() => {
    isOver = true;
  });
  await world.flush();
  expect(isOver).toBe(true);
});

test("pages of a scan go on where the last one ended, in both directions, without what has expired", async () => {
  const world = newWorld();
  const [replica] = await world.found(1);
  if (replica === undefined) throw new Error("one was founded");
  for (const key of ["a", "b", "c", "d", "e"]) await world.put(key, key.repeat(10));
  await world.put("bb", "gone", 1);
  await world.run(30);
  const scan = async (from: string, afterFrom: boolean, to: string, more: object = {}) => {
    const range = {
      keyspace: 1,
      from: Buffer.from(from),
      afterFrom,
      to: Buffer.from(to),
      reverse: false,
      ...more,
    };
    const page = { maxKeys: 2, maxBytes: 1 << 20, keysOnly: false, ...more };
    const { entries, isMore } = await world.settled(
      replica.scan(range, page, LINEARIZABLE, LIMITS),
    );
    const keys = entries.map(({ key, value }) => `${Buffer.from(key).toString()}:${value.length}`);
    return [...keys, isMore];
  };
  expect(await scan("", false, "")).toEqual(["a:10", "b:10", true]);
  expect(await scan("b", true, "")).toEqual(["c:10", "d:10", true]);
  expect(await scan("d", true, "")).toEqual(["e:10", false]);
  expect(await scan("b", false, "d")).toEqual(["b:10", "c:10", false]);
  expect(await scan("", false, "", { reverse: true })).toEqual(["e:10", "d:10", true]);
  expect(await scan("", false, "", { keysOnly: true, maxKeys: 9 })).toHaveLength(6);
  expect(await scan("", false, "", { maxBytes: 1 })).toEqual(["a:10", true]);
});

test("a cancelled call ends at once, and a call without time is not begun", async () => {
  const world = newWorld();
  await world.found(3);
  const leader = await world.leader();
  world.isolate(nodeOf(world, leader));
  const cancel = new AbortController();
  const limits = { timeoutMs: 60_000, signal: cancel.signal };
  const write = failure(world, leader.propose(putCommand("a", "1"), limits));
  const reading = failure(world, leader.read(1, [Buffer.from("a")], LINEARIZABLE, limits));
  cancel.abort();
  expect(await write).toMatchObject({ code: "TIMED_OUT", outcome: "unknown" });
  expect(await reading).toMatchObject({ code: "TIMED_OUT" });
  const late = await failure(world, leader.propose(putCommand("a", "1"), { timeoutMs: 0 }));
  expect(late).toMatchObject({ code: "TIMED_OUT", outcome: "not-applied" });
});

test("a poll waits for what is not applied yet, and does not turn in circles until then", async () => {
  const world = newWorld();
  const [replica] = await world.found(1);
  if (replica === undefined) throw new Error("one was founded");
  const from = replica.status().appliedIndex;
  const disk = world.node(1).fileSystem;
  disk.faults.add({ fault: { type: "delay", milliseconds: 50 }, kind: "write", path: /shards/u });
  const write = world.put("a", "1");
  let polls = 0;
  const polling = (async () => {
    for (let at = from; ; polls += 1) {
      const history = await replica.changes(at, 1000, LIMITS);
      if (history.type !== "changes" || history.changes.length > 0) return history;
      at = history.progress;
    }
  })();
  expect(await world.settled(polling)).toMatchObject({ changes: [{ kind: "put" }] });
  expect(polls).toBeLessThan(3);
  await write;
});
