import { describe, expect, test } from "vitest";
import { KvError } from "../../src/kv/kv-error.js";
import { LINEARIZABLE, type ReadLevel, type Router } from "../../src/routing/router.js";
import type { WriteId } from "../../src/shard/shard-command.js";
import { FakeCluster } from "../support/fake-cluster.js";

const LIMITS = { timeoutMs: 5_000 };

function bytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

function put(router: Router, key: string, value: string, writeId?: WriteId, timeoutMs = 5_000) {
  const request = { key: bytes(key), value: bytes(value), ttlMs: 0 };
  return router.put(request, { keyspace: router.keyspace(""), writeId, limits: { timeoutMs } });
}

async function get(router: Router, key: string, level: ReadLevel = LINEARIZABLE) {
  const { entry } = await router.get(router.keyspace(""), bytes(key), level, LIMITS);
  return entry === undefined ? undefined : Buffer.from(entry.value).toString("latin1");
}

/** A key of that shard. */
function keyOf(router: Router, shard: number): string {
  for (let at = 0; ; at += 1) if (router.shardOf(bytes(`key-${at}`)) === shard) return `key-${at}`;
}

const SESSION = Buffer.from("session");
const ID: WriteId = { sessionId: SESSION, sequence: 1, acknowledgedBelow: 0 };

describe("writes", () => {
  test("every node takes writes for every shard, and every node shows them", async () => {
    const cluster = new FakeCluster({ shards: 8 });
    for (const [at, shard] of cluster.shards.entries()) shard.leader = (at % 3) + 1;
    for (let at = 0; at < 30; at += 1) {
      const writer = cluster.router((at % 3) + 1);
      await cluster.settled(put(writer, `k${at}`, `v${at}`));
      for (const node of [1, 2, 3]) {
        expect(await cluster.settled(get(cluster.router(node), `k${at}`))).toBe(`v${at}`);
      }
    }
  });

  test("a write at the leader calls nobody, one elsewhere calls the leader once", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    await cluster.settled(put(cluster.router(1), "a", "1"));
    expect(cluster.calls).toEqual([]);
    await cluster.settled(put(cluster.router(2), "a", "2"));
    expect(cluster.calls).toEqual(["2>1 propose"]);
  });

  test("a redirect is followed, and the leader remembered", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    const shard = cluster.shard(0);
    shard.leader = 2;
    shard.replicas.delete(3);
    const router = cluster.router(3);
    await cluster.settled(put(router, "a", "1"));
    expect(cluster.calls).toEqual(["3>1 propose", "3>2 propose"]);
    await cluster.settled(put(router, "a", "2"));
    expect(cluster.calls.slice(2)).toEqual(["3>2 propose"]);
    shard.leader = 1;
    await cluster.settled(put(router, "a", "3"));
    expect(cluster.calls.slice(3)).toEqual(["3>2 propose", "3>1 propose"]);
  });

  test("a call is never passed on: a node that does not lead says who does", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    const shard = cluster.shard(0);
    shard.leader = 3;
    const stale = cluster.replica(0, 1);
    stale.belief = 2;
    cluster.replica(0, 2).belief = 1;
    shard.replicas.delete(3);
    const writing = put(cluster.router(1), "a", "1", undefined, 300);
    await expect(cluster.settled(writing)).rejects.toMatchObject({ outcome: "not-applied" });
    expect(cluster.calls.every((call) => call.startsWith("1>"))).toBe(true);
  });

  test("without a leader a write waits for one, within its time", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    const shard = cluster.shard(0);
    shard.leader = undefined;
    const writing = put(cluster.router(1), "a", "1");
    cluster.clock.schedule(700, () => {
      shard.leader = 3;
    });
    await cluster.settled(writing);
    expect(shard.applied).toBe(1);
  });

  test("a write that no leader takes in its time is certainly not applied", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    cluster.shard(0).leader = undefined;
    const writing = put(cluster.router(2), "a", "1", undefined, 500);
    await expect(cluster.settled(writing)).rejects.toMatchObject({
      ...{ code: "NO_LEADER", outcome: "not-applied" },
    });
    expect(cluster.clock.monotonicMs()).toBeLessThan(1_000);
    expect(cluster.shard(0).applied).toBe(0);
  });

  test("no retry when the outcome is open and the write has no id", async () => {
    for (const fate of ["lost-after", "unknown-before"] as const) {
      const cluster = new FakeCluster({ shards: 1 });
      const shard = cluster.shard(0);
      shard.fates.push(fate);
      await expect(cluster.settled(put(cluster.router(2), "a", "1"))).rejects.toMatchObject({
        outcome: "unknown",
      });
      expect(shard.applied).toBe(fate === "lost-after" ? 1 : 0);
    }
  });

  test("with an id the write is repeated, and applied once", async () => {
    for (const node of [1, 2]) {
      const cluster = new FakeCluster({ shards: 1 });
      const shard = cluster.shard(0);
      shard.fates.push("unknown-before", "lost-after", "lost-after");
      const { revision } = await cluster.settled(put(cluster.router(node), "a", "1", ID));
      expect([shard.applied, revision]).toEqual([1, 1]);
    }
  });

  test("an open outcome stays open, whatever the attempts behind it say", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    const shard = cluster.shard(0);
    shard.fates.push("unknown-before", ...Array.from({ length: 1_000 }, () => "refused" as const));
    const writing = put(cluster.router(1), "a", "1", ID, 800);
    await expect(cluster.settled(writing)).rejects.toMatchObject({
      ...{ code: "NO_LEADER", outcome: "unknown" },
    });
  });

  test("what a first attempt took counts: all attempts together keep to the time of the request", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    const shard = cluster.shard(0);
    const replica = cluster.replica(0, 1);
    replica.propose = async () => {
      if (!replica.isLeader) throw new KvError({ code: "NO_LEADER", message: "at once" });
      await new Promise<void>((resolve) => {
        cluster.clock.schedule(900, resolve);
      });
      shard.leader = undefined;
      throw new KvError({ code: "NO_LEADER", message: "after a while" });
    };
    for (const node of [1, 2]) {
      shard.leader = 1;
      const startedMs = cluster.clock.monotonicMs();
      const writing = put(cluster.router(node), "a", "1", undefined, 1_000);
      await expect(cluster.settled(writing)).rejects.toMatchObject({ code: "NO_LEADER" });
      expect(cluster.clock.monotonicMs() - startedMs).toBeLessThan(1_300);
    }
  });

  test("an answer that is lost on the way leaves the outcome open", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    cluster.cuts.add("1>2");
    await expect(cluster.settled(put(cluster.router(2), "a", "1"))).rejects.toMatchObject({
      ...{ code: "PEER_UNREACHABLE", outcome: "unknown" },
    });
    expect(cluster.shard(0).applied).toBe(1);
  });

  test("a silent node is left for another one when the write may be repeated", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    const shard = cluster.shard(0);
    cluster.silent.add(1);
    const writing = put(cluster.router(2), "a", "1", ID);
    cluster.clock.schedule(1_000, () => {
      shard.leader = 2;
    });
    await cluster.settled(writing);
    expect(shard.applied).toBe(1);
    expect(cluster.clock.monotonicMs()).toBeLessThan(3_000);
  });

  test("a refusal of the shard comes out as it is", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    const router = cluster.router(2);
    const counting = router.increment(
      { key: bytes("n"), delta: 1, ttlMs: 0 },
      { keyspace: router.keyspace(""), writeId: undefined, limits: LIMITS },
    );
    await expect(cluster.settled(counting)).rejects.toMatchObject({
      ...{ code: "NOT_A_COUNTER", outcome: "not-applied" },
    });
  });

  test("what a request may not hold is refused before anything is sent", async () => {
    const cluster = new FakeCluster();
    await expect(put(cluster.router(2), "", "1")).rejects.toMatchObject({ code: "KEY_EMPTY" });
    expect(() => cluster.router(1).keyspace("none")).toThrow("there is no keyspace");
    expect(cluster.calls).toEqual([]);
  });

  test("a keyspace's time to live counts where a write names none", async () => {
    const cluster = new FakeCluster({ shards: 1, defaultTtlMs: 500 });
    const router = cluster.router(1);
    const keyspace = router.keyspace("short");
    const call = { keyspace, writeId: undefined, limits: LIMITS };
    for (const ttlMs of [0, 70]) {
      await router.put({ key: bytes("a"), value: bytes("1"), ttlMs }, call);
      const { entry } = await router.get(keyspace, bytes("a"), LINEARIZABLE, LIMITS);
      expect(entry?.expiresAtMs).toBe(cluster.shard(0).nowMs + (ttlMs === 0 ? 500 : 70));
    }
  });
});

describe("batches", () => {
  function batch(router: Router, keys: readonly string[], allowNonAtomic = false) {
    const operations = keys.map((key) => ({
      ...{ type: "put" as const, key: bytes(key), value: bytes("b"), ttlMs: 0 },
    }));
    const call = { keyspace: router.keyspace(""), writeId: undefined, limits: LIMITS };
    return router.batch(operations, allowNonAtomic, call);
  }

  test("keys with one hash tag are written together, on whatever shard", async () => {
    const cluster = new FakeCluster({ shards: 16 });
    const router = cluster.router(2);
    const keys = ["{user:7}:name", "{user:7}:mail", "x{user:7}"];
    const [position, ...others] = await cluster.settled(batch(router, keys));
    expect([position?.revision, others]).toEqual([1, []]);
    for (const key of keys) expect(await get(router, key)).toBe("b");
  });

  test("keys of several shards are refused, with the way to keep them together", async () => {
    const cluster = new FakeCluster({ shards: 16 });
    const router = cluster.router(1);
    const keys = [keyOf(router, 3), keyOf(router, 5)];
    const failure = await batch(router, keys).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      ...{ code: "CROSS_SHARD", outcome: "not-applied", metadata: { shards: "3, 5" } },
    });
    expect(String(failure)).toContain("hash tag");
    expect(cluster.shards.every(({ applied }) => applied === 0)).toBe(true);
  });

  test("asked for, each shard gets its part, and says where it stands", async () => {
    const cluster = new FakeCluster({ shards: 16 });
    const router = cluster.router(1);
    const keys = [keyOf(router, 9), keyOf(router, 2), `{${keyOf(router, 9)}}-more`];
    expect(await cluster.settled(batch(router, keys, true))).toEqual([
      { shard: 2, revision: 1 },
      { shard: 9, revision: 1 },
    ]);
  });

  test("a part that fails is named, and so are those that were written", async () => {
    const cluster = new FakeCluster({ shards: 16 });
    const router = cluster.router(1);
    cluster.shard(9).fates.push("unknown-before");
    const keys = [keyOf(router, 9), keyOf(router, 2)];
    await expect(cluster.settled(batch(router, keys, true))).rejects.toMatchObject({
      ...{ outcome: "unknown", metadata: { applied: "2:1", failed: "9" } },
    });
  });

  test("when no part was applied, the whole was not", async () => {
    const cluster = new FakeCluster({ shards: 16 });
    for (const shard of cluster.shards) shard.leader = undefined;
    const router = cluster.router(1);
    const keys = [keyOf(router, 9), keyOf(router, 2)];
    await expect(cluster.settled(batch(router, keys, true))).rejects.toMatchObject({
      ...{ outcome: "not-applied", metadata: { applied: "", failed: "9,2" } },
    });
  });

  test("a batch of nothing writes nothing", async () => {
    expect(await batch(new FakeCluster().router(1), [])).toEqual([]);
  });

  test("a transaction over several shards is refused", async () => {
    const cluster = new FakeCluster({ shards: 16 });
    const router = cluster.router(1);
    const txn = router.txn(
      {
        compares: [
          { type: "exists", key: bytes(keyOf(router, 1)), operator: "equal", exists: true },
        ],
        then: [{ type: "get", key: bytes(keyOf(router, 2)) }],
        otherwise: [],
      },
      { keyspace: router.keyspace(""), writeId: undefined, limits: LIMITS },
    );
    await expect(txn).rejects.toMatchObject({ code: "CROSS_SHARD" });
  });
});

describe("reads", () => {
  const stale = (maxStalenessMs: number, atLeast: [number, number][] = []): ReadLevel => ({
    ...{ consistency: "stale", maxStalenessMs, atLeast: new Map(atLeast) },
  });

  test("gets of one turn share a read for each shard", async () => {
    const cluster = new FakeCluster({ shards: 2 });
    const router = cluster.router(1);
    const keys = Array.from({ length: 50 }, (_, at) => `k${at}`);
    await cluster.settled(Promise.all(keys.map((key) => get(router, key))));
    const reads = [0, 1].flatMap((shard) => cluster.replica(shard, 1).reads);
    expect(reads).toHaveLength(2);
    expect(reads.map(({ keys: count }) => count).reduce((a, b) => a + b)).toBe(50);
  });

  test("more gets than one read takes are several reads, and each has its own answer", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    for (let at = 0; at < 300; at += 1) {
      await cluster.settled(put(cluster.router(1), `k${at}`, `${at}`));
    }
    cluster.shard(0).replicas.delete(2);
    const router = cluster.router(2);
    const reading = Promise.all(Array.from({ length: 300 }, (_, at) => get(router, `k${at}`)));
    expect(await cluster.settled(reading)).toEqual(Array.from({ length: 300 }, (_, at) => `${at}`));
    expect(cluster.calls.length).toBeLessThan(5);
  });

  test("a replica here serves; where there is none, a peer does", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    await cluster.settled(put(cluster.router(1), "a", "1"));
    cluster.shard(0).leader = 3;
    expect(await cluster.settled(get(cluster.router(2), "a"))).toBe("1");
    expect(cluster.calls).toEqual([]);
    cluster.shard(0).replicas.delete(2);
    expect(await cluster.settled(get(cluster.router(2), "a"))).toBe("1");
    expect(cluster.calls).toEqual(["2>1 read"]);
  });

  test("a replica that cannot serve is passed over for the next", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    await cluster.settled(put(cluster.router(1), "a", "1"));
    for (const code of ["NO_LEADER", "STORE_FAILED", "NOT_SERVING", "TIMED_OUT"] as const) {
      cluster.replica(0, 2).readFailure = new KvError({ code, message: "not now" });
      expect(await cluster.settled(get(cluster.router(2), "a"))).toBe("1");
    }
    cluster.replica(0, 2).readFailure = new KvError({ code: "CORRUPT", message: "damaged" });
    await expect(cluster.settled(get(cluster.router(2), "a"))).rejects.toMatchObject({
      code: "CORRUPT",
    });
  });

  test("a read that nobody serves fails within its time", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    for (const node of [1, 2, 3]) {
      const failure = new KvError({ code: "NO_LEADER", message: "no majority" });
      cluster.replica(0, node).readFailure = failure;
    }
    await expect(cluster.settled(get(cluster.router(1), "a"))).rejects.toMatchObject({
      code: "NO_LEADER",
    });
    expect(cluster.clock.monotonicMs()).toBeLessThan(6_000);
  });

  test("a stale read asks the replica here with its bounds; too stale here, it asks the others", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    await cluster.settled(put(cluster.router(1), "a", "1"));
    const replica = cluster.replica(0, 2);
    expect(await get(cluster.router(2), "a", stale(50, [[0, 1]]))).toBe("1");
    expect(replica.reads.at(-1)?.freshness).toEqual({
      ...{ type: "stale", maxStalenessMs: 50, atLeast: 1 },
    });
    replica.readFailure = new KvError({ code: "TOO_STALE", message: "old" });
    expect(await cluster.settled(get(cluster.router(2), "a", stale(50)))).toBe("1");
    expect(cluster.calls.at(-1)).toBe("2>1 read");
    for (const node of [1, 3]) cluster.replica(0, node).readFailure = replica.readFailure;
    await expect(cluster.settled(get(cluster.router(2), "a", stale(50)))).rejects.toMatchObject({
      code: "TOO_STALE",
    });
  });

  test("a linearizable read of a revision that is not there yet is refused", async () => {
    const cluster = new FakeCluster({ shards: 1 });
    await cluster.settled(put(cluster.router(1), "a", "1"));
    const level = (revision: number) => ({ ...LINEARIZABLE, atLeast: new Map([[0, revision]]) });
    expect(await get(cluster.router(1), "a", level(1))).toBe("1");
    await expect(get(cluster.router(1), "a", level(2))).rejects.toMatchObject({
      code: "TOO_STALE",
    });
  });
});

describe("sessions", () => {
  test("a session is opened and closed on all shards", async () => {
    const cluster = new FakeCluster({ shards: 5 });
    for (const [at, shard] of cluster.shards.entries()) shard.leader = (at % 3) + 1;
    const router = cluster.router(2);
    const id = await cluster.settled(router.openSession(1_000, LIMITS));
    expect(id).toHaveLength(16);
    expect(cluster.shards.map(({ applied }) => applied)).toEqual([1, 1, 1, 1, 1]);
    await cluster.settled(router.closeSession(id, LIMITS));
    expect(cluster.shards.map(({ applied }) => applied)).toEqual([2, 2, 2, 2, 2]);
  });
});
