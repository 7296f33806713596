import type { Leader, TitanClient } from "@titan/client";
import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";

const KEY = "elections/sweeper";
const TTL = { ttlMs: 1_000 };

/** Collects who is said to lead, until the signal fires. */
async function follow(
  client: TitanClient,
  signal: AbortSignal,
  told: (Leader | undefined)[],
): Promise<void> {
  try {
    for await (const leader of client.election(KEY).observe({ signal })) told.push(leader);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

test("candidates lead one after the other, with growing tokens, and everybody is told who", async () => {
  await using cluster = await TestCluster.start();
  const over = new AbortController();
  const told: (Leader | undefined)[] = [];
  const following = follow(cluster.client(), over.signal, told);
  await expect.poll(() => told).toEqual([undefined]);
  const first = await cluster.client().election(KEY).campaign("ada", TTL);
  const waiting = cluster.client().election(KEY).campaign("bob", TTL);
  // Renewed several times meanwhile.
  await cluster.crash(await cluster.leaderOf(KEY));
  await cluster.led();
  await expect.poll(() => told.at(-1)?.name).toBe("ada");
  expect(await cluster.client().election(KEY).leader()).toEqual({ name: "ada", id: first.id });
  if (!first.signal.aborted) await first.resign();
  const second = await waiting;
  expect(second.token).toBeGreaterThan(first.token);
  expect(first.signal.aborted).toBe(true);
  await expect.poll(() => told.at(-1)?.id).toBe(second.id);
  await second.resign();
  await expect.poll(() => told.at(-1)).toBeUndefined();
  expect(await cluster.client().election(KEY).leader()).toBeUndefined();
  over.abort();
  await following;
  const names = told.flatMap((leader) => (leader === undefined ? [] : [leader.name]));
  expect(names).toEqual(["ada", "bob"]);
}, 60_000);

test("when a leader's process is gone another candidate leads, and its leased keys are gone", async () => {
  await using cluster = await TestCluster.start({ nodes: 1 });
  const gone = cluster.client();
  const leadership = await gone.election(KEY).campaign("ada", TTL);
  await gone.lease(TTL).put("workers/ada", "10.0.0.1");
  const next = cluster.client().election(KEY).campaign("bob", TTL);
  await gone.close();
  expect((await next).token).toBeGreaterThan(leadership.token);
  await expect.poll(() => cluster.client().get("workers/ada"), { timeout: 5_000 }).toBeUndefined();
}, 60_000);

test("a campaign ends with its signal or its time, and leaves nothing behind", async () => {
  await using cluster = await TestCluster.start({ nodes: 1 });
  const election = cluster.client().election(KEY);
  const leadership = await election.campaign("ada");
  const late = election.campaign("bob", { timeoutMs: 50 });
  await expect(late).rejects.toMatchObject({ code: "CLIENT_TIMEOUT" });
  const signal = AbortSignal.timeout(50);
  const aborted = election.campaign("bob", { signal });
  await expect(aborted).rejects.toMatchObject({ code: "CLIENT_ABORTED" });
  await leadership.resign();
  expect(await election.leader()).toBeUndefined();
  await expect(election.campaign(7 as never)).rejects.toThrow(TypeError);
  expect(() => cluster.client().election("")).toThrow(RangeError);
  expect(() => cluster.client().lease({ ttlMs: 5 })).toThrow(RangeError);
});
