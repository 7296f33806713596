import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";
import { keysOf } from "./support/keys.js";

test("all nodes start again with what they were started with, and have every key", async () => {
  await using cluster = await TestCluster.start({ storage: "temporary", sync: "never" });
  const keys = keysOf(30);
  const client = cluster.client();
  await Promise.all(keys.map((key) => client.put(key, key)));
  await Promise.all(cluster.nodes.map((id) => cluster.stop(id)));
  expect(cluster.running).toEqual([]);
  await Promise.all(cluster.nodes.map((id) => cluster.start(id)));
  await cluster.led();
  expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
});

test("a node whose disk was wiped is refused, with the way to replace it", async () => {
  await using cluster = await TestCluster.start();
  const [lost = ""] = cluster.nodes;
  await cluster.stop(lost);
  await cluster.wipe(lost);
  await expect(cluster.start(lost)).rejects.toMatchObject({
    code: "NODE_CLUSTER_REFUSED",
    message: expect.stringMatching(/leave|replace/),
  });
  await cluster.client(cluster.running[0]).put("k", "v");
});

test("a node that joins gets its replicas, and every key is there through it", async () => {
  await using cluster = await TestCluster.start({ nodes: 2, shards: 2 });
  const keys = keysOf(30);
  const client = cluster.client();
  await Promise.all(keys.map((key) => client.put(key, key)));
  const added = await cluster.add();
  await cluster.settled();
  const { cluster: seen } = await cluster.node(added).status();
  expect(seen?.shards.map(({ replicas }) => replicas.length)).toEqual([3, 3]);
  const own = cluster.client(added);
  expect(await Promise.all(keys.map((key) => own.get(key)))).toEqual(keys);
});

test("a node that leaves hears that it has, and every key stays", async () => {
  await using cluster = await TestCluster.start({ nodes: 4, shards: 4 });
  const keys = keysOf(30);
  const client = cluster.client("n1");
  await Promise.all(keys.map((key) => client.put(key, key)));
  await client.admin.leave("n4");
  expect(await cluster.node("n4").left).toBe("left");
  await cluster.stop("n4");
  await cluster.settled();
  expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
});

test("a node that was taken out while it was down hears of it when it comes back", async () => {
  await using cluster = await TestCluster.start({ nodes: 4, shards: 4 });
  const client = cluster.client("n1");
  await cluster.stop("n4");
  await client.admin.leave("n4");
  await cluster.until("n4 has been taken out", async () => {
    const { cluster: seen } = await client.status();
    return seen?.nodes.every(({ nodeId }) => nodeId !== "n4");
  });
  await cluster.start("n4");
  expect(await cluster.node("n4").left).toBe("left");
  await cluster.stop("n4");
  await expect(cluster.start("n4")).rejects.toMatchObject({
    ...{ code: "NODE_CLUSTER_REFUSED", message: expect.stringContaining("was taken out") },
  });
});

test("nodes that cannot be are refused by name", async () => {
  await using cluster = await TestCluster.start({ nodes: 1, shards: 1 });
  expect(() => cluster.node("n9")).toThrow("there is no node n9");
  await expect(cluster.start("n1")).rejects.toThrow("runs already");
  await expect(cluster.wipe("n1")).rejects.toThrow("stop it first");
  await expect(TestCluster.start({ nodes: 0 })).rejects.toThrow(RangeError);
  await cluster.stop("n1");
  expect(() => cluster.node("n1")).toThrow("does not run");
});
