import { expect, test } from "vitest";
import { withNodes } from "./support/nodes.js";

test("a node alone founds a cluster, leads every shard, and is the same node after a restart", () =>
  withNodes(async (nodes) => {
    const first = await nodes.start({ bootstrap: true, shards: 4 });
    const { cluster } = await first.status();
    expect(cluster).toMatchObject({ nodeNumber: 1, metaLeader: 1 });
    expect(cluster?.shards.map(({ leader }) => leader)).toEqual([1, 1, 1, 1]);
    await first.close();
    const again = await nodes.start({ bootstrap: true, shards: 4 });
    expect((await again.status()).cluster?.clusterId).toBe(cluster?.clusterId);
    expect(again.nodeId).toBe(first.nodeId);
  }));

test("three nodes that know each other found one cluster, and serve again after a restart of all", () =>
  withNodes(async (nodes) => {
    const peers = await nodes.peers(["ada", "bob", "cleo"]);
    const started = await nodes.startAll(peers, { shards: 8 });
    const ids = new Set<string | undefined>();
    for (const node of started) {
      const { cluster } = await node.status();
      ids.add(cluster?.clusterId);
      expect(cluster?.nodes.map(({ node }) => node?.nodeId)).toEqual(["ada", "bob", "cleo"]);
      expect(cluster?.nodes.every(({ reachable }) => reachable)).toBe(true);
      expect(cluster?.shards.every(({ replicas }) => replicas.length === 3)).toBe(true);
    }
    expect(ids.size).toBe(1);
    await Promise.all(started.map((node) => node.close()));
    const again = await nodes.startAll(peers, { shards: 8 });
    for (const node of again) {
      await expect
        .poll(async () => (await node.status()).cluster?.shards.every(({ leader }) => leader > 0))
        .toBe(true);
      expect(ids).toContain((await node.status()).cluster?.clusterId);
    }
  }));

test("a fourth node joins, and knows the map and its group", () =>
  withNodes(async (nodes) => {
    const peers = await nodes.peers(["ada", "bob", "cleo"]);
    const [ada] = await nodes.startAll(peers, { shards: 4 });
    const dora = await nodes.start({ nodeId: "dora", join: [ada?.address ?? ""] });
    const { cluster } = await dora.status();
    expect(cluster?.nodeNumber).toBe(4);
    expect(cluster?.nodes.map(({ node }) => node?.nodeId)).toEqual(["ada", "bob", "cleo", "dora"]);
    await expect.poll(async () => (await dora.status()).cluster?.metaLeader).toBeGreaterThan(0);
  }));
