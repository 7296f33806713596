import { Consistency } from "@titan/proto";
import { expect, test } from "vitest";
import { TestCluster } from "../../src/testing/index.js";
import { bytes, connect } from "../support/test-node.js";

const DEADLINE_MS = 1_000;

test("a minority refuses writes and linearizable reads by the deadline, and serves stale reads", async () => {
  await using cluster = await TestCluster.start();
  await cluster.client().put("k", "v");
  await cluster.caughtUp();
  const [left = "", ...others] = cluster.nodes;
  await Promise.all(others.map((id) => cluster.crash(id)));
  const alone = cluster.client(left);
  const call = { timeoutMs: DEADLINE_MS };
  await expect(alone.put("k", "w", call)).rejects.toMatchObject({ name: "ClientError" });
  await expect(alone.get("k", call)).rejects.toMatchObject({ name: "ClientError" });

  const { kv, channel } = connect(cluster.endpoint(left));
  try {
    const consistency = Consistency.STALE;
    const read = { consistency, maxStalenessMs: 0, atLeast: [] };
    const stale = await kv.get({ key: bytes("k"), keyspace: "", read });
    expect(Buffer.from(stale.value).toString()).toBe("v");
    // With a majority again all goes on.
    await cluster.start(others[0] ?? "");
    await cluster.led();
    await alone.put("k", "x");
    expect(await alone.get("k")).toBe("x");
  } finally {
    channel.close();
  }
});

test("five replicas go on without two, and refuse without three", async () => {
  await using cluster = await TestCluster.start({ nodes: 5, replicationFactor: 5, shards: 2 });
  const [first = "", second = "", third = "", ...left] = cluster.nodes;
  const client = cluster.client(left[0]);
  await client.put("k", "1");
  await Promise.all([cluster.crash(first), cluster.crash(second)]);
  // Until then a write may be on its way to a leader that is gone: its outcome is unknown, as it should be.
  await cluster.led();
  await client.put("k", "2");
  expect(await client.get("k")).toBe("2");
  await cluster.crash(third);
  const call = { timeoutMs: DEADLINE_MS };
  await expect(client.put("k", "3", call)).rejects.toMatchObject({ name: "ClientError" });
  await expect(client.get("k", call)).rejects.toMatchObject({ name: "ClientError" });
  await cluster.start(third);
  await cluster.led();
  await client.put("k", "4");
  expect(await client.get("k")).toBe("4");
});

test("the map names the leader of each shard, and where clients reach it", async () => {
  await using cluster = await TestCluster.start();
  const [asked = ""] = cluster.nodes;
  const { cluster: service, channel } = connect(cluster.endpoint(asked));
  try {
    const map = await service.getClusterMap({});
    for (const { shard, leader } of map.shards) {
      const { nodeId, grpcAddr } = map.nodes.find(({ number }) => number === leader) ?? {};
      expect(nodeId).toBe(await cluster.leaderOf(shard));
      expect(grpcAddr).toBe(cluster.endpoint(nodeId ?? ""));
    }
  } finally {
    channel.close();
  }
});
