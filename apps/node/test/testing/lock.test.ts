import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";

const CONTENDERS = 8;
const TURNS = 5;
const KEY = "locks/resource";
const CALL = { timeoutMs: 60_000, ttlMs: 3_000 };

/** Refuses whoever comes later than somebody with a later token. */
class FencedResource {
  readonly accepted: number[] = [];
  inside = 0;
  most = 0;

  async use(token: number): Promise<void> {
    const newest = this.accepted.at(-1) ?? 0;
    if (token < newest) throw new Error(`token ${token} comes after ${newest}`);
    this.accepted.push(token);
    this.inside += 1;
    this.most = Math.max(this.most, this.inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.inside -= 1;
  }
}

test("contenders hold a lock one after the other, with growing tokens, through crashes of its leader", async () => {
  await using cluster = await TestCluster.start();
  const resource = new FencedResource();
  const contend = async (): Promise<void> => {
    const client = cluster.client();
    for (let turn = 0; turn < TURNS; turn += 1) {
      const lock = await client.lock(KEY, CALL);
      await resource.use(lock.token);
      // A crash may take the answer away; the lock then ends with its lease.
      await lock.release().catch(() => undefined);
    }
  };
  const contending = Promise.all(Array.from({ length: CONTENDERS }, contend));
  contending.catch(() => undefined);
  await expect.poll(() => resource.accepted.length).toBeGreaterThan(3);
  const leader = await cluster.leaderOf(KEY);
  await cluster.crash(leader);
  await cluster.led();
  await cluster.start(leader);
  await contending;
  expect(resource.accepted.length).toBe(CONTENDERS * TURNS);
  expect(resource.accepted).toEqual(resource.accepted.toSorted((a, b) => a - b));
  expect(new Set(resource.accepted).size).toBe(CONTENDERS * TURNS);
  expect(resource.most).toBe(1);
}, 120_000);

test("a lock is free again when its holder's client is gone, and held no longer by it", async () => {
  await using cluster = await TestCluster.start({ nodes: 1 });
  const holder = cluster.client();
  const lock = await holder.lock(KEY, { ttlMs: 1_000 });
  expect(await cluster.client().tryLock(KEY)).toBeUndefined();
  await holder.close();
  const next = await cluster.client().lock(KEY, { timeoutMs: 20_000 });
  expect(next.token).toBeGreaterThan(lock.token);
  expect(lock.signal.aborted).toBe(true);
  await next.release();
}, 60_000);
