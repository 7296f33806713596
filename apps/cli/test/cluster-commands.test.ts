/** Commands that look at a cluster and give it orders. */
import type { ClusterStatus } from "@titan/client";
import { describe, expect, test } from "vitest";
import { FakeClient } from "./fake-client.js";
import { titan } from "./rig.js";

const node = (nodeId: string): ClusterStatus["nodes"][number] => ({
  ...{ nodeId, grpcAddr: `${nodeId}:7420`, raftAddr: `${nodeId}:7421`, zone: "", weight: 1 },
  ...{ state: "active", reachable: true, clockOffsetMs: 0, leads: 1, replicas: 2, version: "1" },
});

const CLUSTER: ClusterStatus = {
  ...{ clusterId: "c1", epoch: 12, replicationFactor: 2, metaLeader: "n1", clockCorrectionMs: 0 },
  balancer: { paused: false, activity: "nothing to do" },
  nodes: [node("n1"), { ...node("n2"), state: "draining", zone: "east", clockOffsetMs: 3 }],
  shards: [
    {
      ...{ shard: 0, leader: "n1", term: 3, commitIndex: 40, keys: 1200, liveBytes: 2048 },
      replicas: [
        { nodeId: "n1", voter: true, lag: 0, reachable: true },
        { nodeId: "n2", voter: false, lag: 7, reachable: true },
      ],
      move: { from: undefined, to: "n2" },
    },
    {
      ...{ shard: 1, leader: undefined, term: 3, commitIndex: 5, keys: 1, liveBytes: 10 },
      replicas: [{ nodeId: "n2", voter: true, lag: 0, reachable: false }],
      move: undefined,
    },
  ],
  divergent: [],
};

function clientOf(cluster: ClusterStatus | undefined = CLUSTER): FakeClient {
  const client = new FakeClient();
  client.cluster = cluster;
  return client;
}

describe("looking", () => {
  test("status tells what is not as it should be", async () => {
    const nodes = [node("n1"), { ...node("n2"), reachable: false }];
    const divergent = [{ shard: 1, nodeId: "n2" }];
    const client = clientOf({ ...CLUSTER, nodes, divergent });
    const { stdout } = await titan(["status"], { client });
    expect(stdout).toMatch(/^cluster +c1, epoch 12$/m);
    expect(stdout).toMatch(/^nodes +n1, n2; not reachable: n2$/m);
    expect(stdout).toMatch(
      /^shards +2 with 2 replicas; without leader: 1; 1 replica on the move$/m,
    );
    expect(stdout).toMatch(/^balancer +nothing to do$/m);
    expect(stdout).toMatch(/^DIVERGED +shard 1 on n2: /m);
  });

  test("members is a table", async () => {
    const { stdout } = await titan(["members"], { client: clientOf() });
    expect(stdout).toBe(
      [
        "NODE  CLIENTS  NODES    ZONE  WEIGHT  REPLICAS  LEADS  CLOCK  STATE",
        "n1    n1:7420  n1:7421  -     1       2         1      0 ms   active",
        "n2    n2:7420  n2:7421  east  1       2         1      +3 ms  leaving",
        "",
      ].join("\n"),
    );
  });

  test("shards is a table", async () => {
    const { stdout } = await titan(["shards"], { client: clientOf() });
    expect(stdout).toBe(
      [
        "SHARD  LEADER  REPLICAS                       KEYS   DATA      REVISION  MOVE",
        "0      n1      n1 n2 (catching up, 7 behind)  1,200  2 KiB     40        → n2",
        "1      none    n2 (not reachable)             1      10 bytes  5",
        "",
      ].join("\n"),
    );
  });

  test("both give JSON", async () => {
    const members = await titan(["members", "--json"], { client: clientOf() });
    expect(JSON.parse(members.stdout)).toEqual({ nodes: CLUSTER.nodes });
    const shards = JSON.parse((await titan(["shards", "--json"], { client: clientOf() })).stdout);
    expect(shards).toMatchObject({ shards: [{ shard: 0, leader: "n1" }, { shard: 1 }] });
  });

  test("a node without a cluster says so", async () => {
    const { code, stderr } = await titan(["members"], { client: new FakeClient() });
    expect(code).toBe(2);
    expect(stderr).toContain("belongs to no cluster yet");
  });
});

test("keyspaces are listed, with how long their values live", async () => {
  const { stdout } = await titan(["keyspaces"], { client: clientOf() });
  expect(stdout).toBe(
    ["KEYSPACE  VALUES", "default   do not expire", "sessions  live 60000 ms", ""].join("\n"),
  );
  const json = await titan(["keyspaces", "--json"], { client: clientOf() });
  expect(JSON.parse(json.stdout)).toMatchObject({ keyspaces: [{ name: "default" }, {}] });
});

test("--keyspace has a command work in another one", async () => {
  const client = clientOf();
  await titan(["put", "k", "v", "--keyspace", "jobs"], { client });
  expect(client.valueOf("k")).toBeUndefined();
  expect(client.keyspaces.get("jobs")?.valueOf("k")?.toString()).toBe("v");
  const { code, stderr } = await titan(["get", "k", "--keyspace", ""], { client });
  expect(code).toBe(2);
  expect(stderr).toContain("--keyspace takes the name");
});

describe("join", () => {
  const JOIN = "npx titan-node --node-id n3 --join n1:7420 --grpc-addr";

  test("says what a new machine has to run, with nodes as seeds that stay", async () => {
    const plain = await titan(["join", "n3"], { client: clientOf() });
    expect(plain.stdout).toContain(`${JOIN} HOST:7420 --data-dir /var/lib/titan\n`);
    const words = ["join", "n3", "--grpc-addr", "10.0.0.3:7420", "--data-dir", "/d", "--json"];
    const { stdout } = await titan(words, { client: clientOf() });
    expect(JSON.parse(stdout)).toEqual({
      ...{ node: "n3", command: `${JOIN} 10.0.0.3:7420 --data-dir /d` },
    });
  });

  test("refuses an id that is there", async () => {
    const { code, stderr } = await titan(["join", "n2"], { client: clientOf() });
    expect(code).toBe(2);
    expect(stderr).toContain("the cluster has a node n2 already");
  });
});

describe("orders", () => {
  test.each([
    [["leave", "n2"], "leave n2", "OK: n2 leaves; 5 replicas to move away first\n"],
    [["leave", "n2", "--cancel"], "stay n2", "OK: n2 stays\n"],
    [["transfer", "3", "n1"], "transfer 3 n1", "OK: n1 leads shard 3\n"],
    [["balancer", "pause"], "pause", "OK: The balancer stands still\n"],
    [["balancer", "resume"], "resume", "OK: The balancer goes on\n"],
    [["keyspace", "create", "jobs"], "create jobs for ever", "OK: Made keyspace 'jobs'\n"],
    [
      ["keyspace", "create", "jobs", "--default-ttl", "1m"],
      "create jobs 60000",
      "OK: Made keyspace 'jobs'\n",
    ],
    [["keyspace", "drop", "jobs"], "drop jobs", "OK: Dropped keyspace 'jobs'\n"],
  ])("%j is given", async (words, order, said) => {
    const client = clientOf();
    const { code, stdout } = await titan(words, { client });
    expect([code, stdout]).toEqual([0, said]);
    expect(client.orders).toEqual([order]);
  });

  test.each([
    [["leave"], "missing required argument"],
    [["transfer", "x", "n1"], "a shard is a number, not 'x'"],
    [["transfer", "-1", "n1"], ""],
    [["balancer", "stop"], "takes pause or resume"],
    [["keyspace", "make", "jobs"], "takes create or drop"],
    [["keyspace", "create"], "missing required argument"],
    [["keyspace", "drop", "jobs", "--default-ttl", "1m"], "--default-ttl goes with create"],
  ])("%j is refused, and nothing is sent", async (words, why) => {
    const client = clientOf();
    const { code, stderr } = await titan(words, { client });
    expect(code).toBe(2);
    expect(stderr).toContain(why);
    expect(client.orders).toEqual([]);
  });

  test("a refusal of the cluster is told", async () => {
    const client = clientOf();
    client.failures.push({
      ...{ code: "CLIENT_FAILED_PRECONDITION", outcome: "not-applied" },
      message: "n9 is no node of this cluster",
    });
    const { code, stderr } = await titan(["leave", "n9"], { client });
    expect(code).toBe(1);
    expect(stderr).toContain("n9 is no node of this cluster");
  });
});
