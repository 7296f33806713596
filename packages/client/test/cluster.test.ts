/** What the client tells of a cluster, and the orders that it passes on. */
import { NodeState } from "@titan/proto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TitanClient } from "../src/index.js";
import { FakeNode } from "./fakes/fake-node.js";

let node: FakeNode;
let client: TitanClient;

beforeEach(async () => {
  node = await FakeNode.start();
  client = new TitanClient({ endpoints: [node.endpoint] });
});

afterEach(async () => {
  await client.close();
  node.kill();
});

describe("status", () => {
  test("has no cluster before the node belongs to one", async () => {
    expect((await client.status()).cluster).toBeUndefined();
  });

  test("names nodes by their ids", async () => {
    const address = { grpcAddr: "a:1", raftAddr: "a:2", zone: "east", weightPercent: 150 };
    const seen = { reachable: true, clockOffsetMs: -3, leads: 1, replicas: 2, version: "1.0.0" };
    node.cluster = {
      ...{ clusterId: "c1", epoch: 4, nodeNumber: 7, metaLeader: 7, replicationFactor: 3 },
      ...{ balancerPaused: true, clockCorrectionMs: 5, balancer: "paused" },
      nodes: [
        { node: { number: 7, nodeId: "n7", state: NodeState.DRAINING, ...address }, ...seen },
      ],
      shards: [
        {
          ...{ shard: 0, leader: 7, term: 2, commitIndex: 9, keys: 1, liveBytes: 20 },
          replicas: [{ nodeNumber: 8, voter: false, lag: 3, reachable: false }],
          ...{ movingTo: 8, movingFrom: 0 },
        },
        {
          ...{ shard: 1, leader: 0, term: 2, commitIndex: 9, keys: 1, liveBytes: 20 },
          ...{ replicas: [], movingTo: 0, movingFrom: 0 },
        },
      ],
      divergent: [{ shard: 1, nodeNumber: 7 }],
    };
    const { cluster } = await client.status();
    expect(cluster).toEqual({
      ...{ clusterId: "c1", epoch: 4, metaLeader: "n7", replicationFactor: 3 },
      ...{ balancer: { paused: true, activity: "paused" }, clockCorrectionMs: 5 },
      nodes: [
        {
          ...{ nodeId: "n7", grpcAddr: "a:1", raftAddr: "a:2", zone: "east", weight: 1.5 },
          ...{ state: "draining", ...seen },
        },
      ],
      shards: [
        {
          ...{ shard: 0, leader: "n7", term: 2, commitIndex: 9, keys: 1, liveBytes: 20 },
          replicas: [{ nodeId: "#8", voter: false, lag: 3, reachable: false }],
          move: { from: undefined, to: "#8" },
        },
        {
          ...{ shard: 1, leader: undefined, term: 2, commitIndex: 9, keys: 1, liveBytes: 20 },
          ...{ replicas: [], move: undefined },
        },
      ],
      divergent: [{ shard: 1, nodeId: "n7" }],
    });
  });
});

describe("orders", () => {
  test("reach the cluster", async () => {
    expect(await client.admin.leave("n2")).toEqual({ replicas: 5 });
    await client.admin.stay("n2");
    await client.admin.pauseBalancer();
    await client.admin.resumeBalancer();
    await client.admin.transferLeader(3, "n1");
    expect(node.orders).toEqual(["leave n2", "stay n2", "pause", "resume", "transfer 3 n1"]);
  });

  test("with wrong arguments are refused before anything is sent", async () => {
    await expect(client.admin.leave("")).rejects.toThrow(TypeError);
    await expect(client.admin.stay(undefined as never)).rejects.toThrow(TypeError);
    await expect(client.admin.transferLeader(-1, "n1")).rejects.toThrow(RangeError);
    await expect(client.admin.transferLeader(1.5, "n1")).rejects.toThrow(RangeError);
    await expect(client.admin.transferLeader(1, "")).rejects.toThrow(TypeError);
    expect(node.orders).toEqual([]);
  });
});
