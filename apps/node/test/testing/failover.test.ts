import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";
import { keysOf } from "./support/keys.js";

test("what is written at the leader is read at every follower, and every node takes every key", async () => {
  await using cluster = await TestCluster.start();
  const clients = cluster.nodes.map((id) => cluster.client(id));
  await cluster.client(await cluster.leaderOf("k")).put("k", "v");
  for (const client of clients) expect(await client.get("k")).toBe("v");
  const keys = keysOf(24);
  expect(new Set(keys.map((key) => cluster.shardOf(key))).size).toBe(4);
  await Promise.all(
    keys.map(async (key, at) => clients[at % clients.length]?.put(key, `v-${key}`)),
  );
  for (const client of clients) {
    const found = await Promise.all(keys.map((key) => client.get(key)));
    expect(found).toEqual(keys.map((key) => `v-${key}`));
  }
});

for (const end of ["stop", "crash"] as const) {
  test(`after the ${end} of a leader another one takes writes, and the old one catches up`, async () => {
    await using cluster = await TestCluster.start();
    const old = await cluster.leaderOf("before");
    const client = cluster.client();
    await client.put("before", "1");
    await cluster[end](old);
    // What is on its way to a leader that crashed has an unknown outcome; one that stops answers first.
    if (end === "crash") await cluster.led();
    await client.put("before-and-after", "2");
    await client.put("before", "3");
    expect(await cluster.leaderOf("before")).not.toBe(old);
    await cluster.start(old);
    await cluster.caughtUp();
    const again = cluster.client(old);
    expect(await again.get("before")).toBe("3");
    expect(await again.get("before-and-after")).toBe("2");
  });
}

test("a power cut of all nodes at once loses nothing that was acknowledged", async () => {
  await using cluster = await TestCluster.start();
  const client = cluster.client();
  const keys = keysOf(40);
  await Promise.all(keys.map((key) => client.put(key, key)));
  await Promise.all(cluster.nodes.map((id) => cluster.crash(id)));
  await Promise.all(cluster.nodes.map((id) => cluster.start(id)));
  await cluster.led();
  expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
});
