import { SeededRandom } from "@titan/raft/testing";
import { expect, test } from "vitest";
import { KvError } from "../../src/kv/kv-error.js";
import type { WatchEvent, WatchRequest } from "../../src/routing/watch.js";
import { FakeCluster, nextTurn } from "../support/fake-cluster.js";

const NOTHING = new Uint8Array(0);
const ALL: WatchRequest = {
  ...{ keyspace: 1, prefix: NOTHING, start: NOTHING, end: NOTHING },
  ...{ from: new Map(), progressIntervalMs: 60_000 },
};

function apply(cluster: FakeCluster, key: string, value: string | undefined, keyspace = 1): void {
  const bytes = Buffer.from(key);
  const shard = cluster.shard(cluster.router(1).shardOf(bytes));
  const body =
    value === undefined
      ? ({ type: "delete", keyspace, key: bytes } as const)
      : ({ type: "put", keyspace, key: bytes, value: Buffer.from(value), ttlMs: 0 } as const);
  shard.apply({ body, atMs: 0, writeId: undefined });
}

/** Reads a watch by itself, until it is stopped. */
class Reader {
  readonly events: WatchEvent[] = [];
  readonly done: Promise<void>;
  failure: unknown;
  readonly #abort = new AbortController();

  constructor(cluster: FakeCluster, node: number, request: Partial<WatchRequest> = {}) {
    const watch = cluster.router(node).watch({ ...ALL, ...request }, this.#abort.signal);
    this.done = (async () => {
      try {
        for await (const event of watch) this.events.push(event);
      } catch (error) {
        this.failure = error;
      }
    })();
  }

  /** `key=value@revision`, or `key@revision` for what is no put. */
  get changes(): string[] {
    return this.events.flatMap((event) =>
      event.type === "changes"
        ? event.changes.map(({ kind, key, value, revision }) =>
            kind === "put" ? `${text(key)}=${text(value)}@${revision}` : `${text(key)}@${revision}`,
          )
        : [],
    );
  }

  get position(): Map<number, number> {
    const position = new Map<number, number>();
    for (const event of this.events) {
      if (event.type === "changes") position.set(event.shard, event.progress);
      if (event.type === "progress") {
        for (const [shard, revision] of event.progress) position.set(shard, revision);
      }
    }
    return position;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.done;
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

async function until(cluster: FakeCluster, test: () => boolean): Promise<void> {
  for (let passed = 0; !test(); passed += 1) {
    if (passed > 5_000) throw new Error(`never: ${test.toString()}`);
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
    cluster.clock.advance(5);
  }
}

test("a watch begins with the positions it begins at, and tells what changes in its range from then on", async () => {
  const cluster = new FakeCluster({ shards: 4 });
  apply(cluster, "w-before", "0");
  const reader = new Reader(cluster, 2, { prefix: Buffer.from("w") });
  await until(cluster, () => reader.events.length > 0);
  expect(reader.events[0]).toEqual({
    type: "progress",
    progress: new Map(cluster.shards.map(({ shard, revision }) => [shard, revision])),
  });
  apply(cluster, "w1", "1");
  apply(cluster, "x1", "-");
  apply(cluster, "w1", undefined);
  apply(cluster, "w2", "2", 2);
  await until(cluster, () => reader.changes.length === 2);
  expect(reader.changes.map((change) => change.split("@")[0])).toEqual(["w1=1", "w1"]);
  await reader.stop();
});

test("what comes from a position on is told from there, whichever node is asked", async () => {
  const cluster = new FakeCluster({ shards: 1 });
  for (const at of [1, 2, 3, 4]) apply(cluster, `k${at}`, `${at}`);
  for (const node of [1, 2, 3]) {
    const reader = new Reader(cluster, node, { from: new Map([[0, 2]]) });
    await until(cluster, () => reader.changes.length >= 2);
    expect(reader.changes).toEqual(["k3=3@3", "k4=4@4"]);
    await reader.stop();
  }
});

test("progress is told while nothing changes, and moves on past changes of others", async () => {
  const cluster = new FakeCluster({ shards: 2 });
  const reader = new Reader(cluster, 1, { prefix: Buffer.from("w"), progressIntervalMs: 200 });
  await until(cluster, () => reader.events.length > 0);
  for (let at = 0; at < 10; at += 1) apply(cluster, `other${at}`, "-");
  const revisions = new Map(cluster.shards.map(({ shard, revision }) => [shard, revision]));
  await until(cluster, () => reader.events.length > 2);
  expect(reader.events.every(({ type }) => type === "progress")).toBe(true);
  expect(reader.events.at(-1)).toEqual({ type: "progress", progress: revisions });
  await reader.stop();
});

test("progress is told also while changes wait to be taken", async () => {
  const cluster = new FakeCluster({ shards: 4 });
  const controller = new AbortController();
  const request = { ...ALL, progressIntervalMs: 1_000 };
  const watch = cluster.router(1).watch(request, controller.signal);
  const types: string[] = [];
  let isEnough = false;
  const reading = (async () => {
    for await (const { type } of watch) {
      types.push(type);
      // A slow reader, for whom there is always something more.
      for (let at = 0; at < 40; at += 1) apply(cluster, `k${at}`, `${types.length}`);
      cluster.clock.advance(300);
      for (let turn = 0; turn < 10; turn += 1) await nextTurn();
      if (isEnough) return;
    }
  })();
  await until(cluster, () => types.length > 0);
  const begun = types.length;
  await until(cluster, () => types.slice(begun).includes("progress"));
  isEnough = true;
  await reading;
  const after = types.slice(begun);
  // Four intervals of a reader that takes one event in 300 ms.
  expect(after.indexOf("progress")).toBeLessThanOrEqual(4);
  expect(after).toContain("changes");
});

test("history that is gone on every replica is said; what one of them remembers is told", async () => {
  const cluster = new FakeCluster({ shards: 2 });
  for (let at = 0; at < 20; at += 1) apply(cluster, `k${at}`, "-");
  const { revision } = cluster.shard(0);
  cluster.replica(0, 1).floor = revision - 1;
  cluster.replica(0, 2).floor = revision - 2;
  const from = new Map([[0, 0]]);
  const told = new Reader(cluster, 1, { from });
  await until(cluster, () => told.changes.length === revision);
  await told.stop();
  cluster.replica(0, 3).floor = revision;
  const gone = new Reader(cluster, 1, { from });
  await cluster.settled(gone.done);
  expect(gone.events.at(-1)).toEqual({ type: "compacted", oldest: new Map([[0, revision - 2]]) });
});

test("a failure that is none of the shards' ends the watch with it", async () => {
  const cluster = new FakeCluster({ shards: 2 });
  const reader = new Reader(cluster, 1);
  await until(cluster, () => reader.events.length > 0);
  const broken = new Error("a defect");
  cluster.replica(1, 1).changes = () => Promise.reject(broken);
  cluster.shard(1).poke();
  await cluster.settled(reader.done);
  expect(reader.failure).toBe(broken);
});

test("a slow reader is waited for: nothing piles up, nothing is lost", async () => {
  const cluster = new FakeCluster({ shards: 1 });
  const abort = new AbortController();
  const watch = cluster.router(1).watch(ALL, abort.signal);
  await cluster.settled(watch.next());
  let asked = 0;
  const replica = cluster.replica(0, 1);
  const changes = replica.changes.bind(replica);
  replica.changes = (from, waitMs, limits) => {
    asked += 1;
    return changes(from, waitMs, limits);
  };
  for (let at = 0; at < 50; at += 1) {
    apply(cluster, `k${at}`, `${at}`);
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  }
  // The answer that waits, and the question behind it when it is taken.
  expect(asked).toBeLessThanOrEqual(2);
  const seen: string[] = [];
  while (seen.length < 50) {
    const { value } = await cluster.settled(watch.next());
    if (value?.type === "changes") seen.push(...value.changes.map(({ key }) => text(key)));
  }
  expect(seen).toEqual(Array.from({ length: 50 }, (_, at) => `k${at}`));
  abort.abort();
  await cluster.settled(watch.return());
});

test("leaders change, replicas fail and move, watches end and resume: each change comes once and in order", async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const random = new SeededRandom(seed);
    const cluster = new FakeCluster({ shards: 3 });
    const down = new KvError({ code: "NO_LEADER", message: "not now" });
    const seen: string[] = [];
    let reader = new Reader(cluster, 1);
    await until(cluster, () => reader.events.length > 0);
    for (let step = 0; step < 120; step += 1) {
      const shard = cluster.shard(random.nextInt(3));
      const node = random.nextInt(3) + 1;
      const replica = shard.replicas.get(node);
      switch (random.nextInt(6)) {
        case 0:
          shard.leader = node;
          break;
        case 1:
          if (replica !== undefined) replica.readFailure = replica.readFailure ? undefined : down;
          shard.poke();
          break;
        case 2: {
          const pair = `1>${node}`;
          if (!cluster.cuts.delete(pair)) cluster.cuts.add(pair);
          break;
        }
        case 3: {
          const position = new Map([...reader.position]);
          await reader.stop();
          seen.push(...reader.changes);
          const resumed = new Reader(cluster, random.nextInt(2) + 1, { from: position });
          // What it has not told anew is where it was.
          reader = Object.assign(resumed, {});
          for (const [one, revision] of position) {
            reader.events.push({ type: "progress", progress: new Map([[one, revision]]) });
          }
          break;
        }
        default:
          apply(cluster, `k${step % 7}`, `${step}`);
      }
      for (let turn = random.nextInt(12); turn > 0; turn -= 1) await nextTurn();
      cluster.clock.advance(random.nextInt(30));
    }
    cluster.cuts.clear();
    for (const shard of cluster.shards) {
      for (const replica of shard.replicas.values()) replica.readFailure = undefined;
      shard.poke();
    }
    const all = cluster.shards.flatMap(({ changes }) => changes);
    await until(cluster, () => seen.length + reader.changes.length >= all.length);
    await reader.stop();
    seen.push(...reader.changes);
    for (const shard of cluster.shards) {
      const told = seen.filter((change) => {
        const key = change.slice(0, change.indexOf("="));
        return cluster.router(1).shardOf(Buffer.from(key)) === shard.shard;
      });
      const made = shard.changes.map(
        ({ key, value, revision }) => `${text(key)}=${text(value)}@${revision}`,
      );
      expect(told, `seed ${seed}`).toEqual(made);
    }
  }
});
