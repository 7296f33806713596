/** What `titan doctor` makes of what servers answer, case by case. */
import type { ClusterStatus } from "@titan/client";
import { describe, expect, test } from "vitest";
import { diagnose } from "../src/doctor/diagnose.js";
import { listed } from "../src/doctor/finding.js";
import type { StatusAnswer } from "../src/server-report.js";
import { answerOf, noAnswerOf, THREE, withNodes, withReplicas } from "./cluster-of-three.js";

const GIB = 1024 ** 3;
const N3_AWAY = { n3: { reachable: false } };

/** What is not well, as lines; `answers` are those of all endpoints. */
function troubles(answers: readonly StatusAnswer[]): string[] {
  return diagnose(answers)
    .findings.filter(({ severity }) => severity !== "ok")
    .map(({ severity, check, meaning, advice }) => {
      expect(advice, meaning).toMatch(/^[A-Z].{10,}/);
      return `${severity} ${check}: ${meaning}`;
    });
}

const all = (cluster: ClusterStatus): StatusAnswer[] =>
  THREE_IDS.map((id) => answerOf(id, cluster));
const THREE_IDS = ["n1", "n2", "n3"];
const leaderless = (numbers: readonly number[]): ClusterStatus => ({
  ...THREE,
  shards: THREE.shards.map((one) =>
    numbers.includes(one.shard) ? { ...one, leader: undefined } : one,
  ),
});
const ledBy = (leaders: readonly string[]): ClusterStatus => ({
  ...THREE,
  shards: THREE.shards.map((one, at) => ({ ...one, leader: leaders[at] })),
});

test("a cluster that is well has nothing but good findings, each of its kind once", () => {
  const { findings, counts } = diagnose(all(THREE));
  expect(counts).toEqual({ problem: 0, warning: 0, ok: findings.length });
  const checks = findings.map(({ check }) => check).filter((check) => check !== "endpoint");
  expect(new Set(checks).size).toBe(checks.length);
  expect(checks).toContain("disk");
  expect(checks).toContain("even-leaders");
});

test("a node alone, with the one replica that it should have, is well", () => {
  const [n1] = withReplicas({}).nodes;
  const shards = THREE.shards.map((one) => ({
    ...one,
    leader: "n1",
    replicas: one.replicas.slice(0, 1),
  }));
  const alone = { ...THREE, replicationFactor: 1, nodes: n1 === undefined ? [] : [n1], shards };
  expect(troubles([answerOf("n1", alone)])).toEqual([]);
});

describe("endpoints", () => {
  test.each<[string, readonly StatusAnswer[], readonly string[]]>([
    [
      "none answers",
      [noAnswerOf("x:1")],
      ["problem endpoint: x:1 does not answer: connection refused"],
    ],
    [
      "one is of no cluster",
      [
        answerOf("n1", THREE),
        { ...answerOf("n9"), status: { ...answerOf("n9").status, cluster: undefined } },
      ],
      ["problem cluster: n9 at n9:7420 belongs to no cluster yet, and serves nothing."],
    ],
    [
      "they are of two clusters",
      [answerOf("n1"), answerOf("m1", { ...THREE, clusterId: "c2" })],
      [
        "problem cluster: The endpoints are of 2 clusters (n1:7420 of c1; m1:7420 of c2): a client would mix their data.",
      ],
    ],
  ])("when %s", (_, answers, expected) => {
    expect(troubles(answers)).toEqual(expected);
  });

  test.each([
    [true, "look for a firewall"],
    [false, "start that node again"],
  ])(
    "advice on one that is a node's depends on whether others reach it: %s",
    (reachable, advice) => {
      const cluster = withNodes({ n3: { reachable } });
      const { findings } = diagnose([answerOf("n1", cluster), noAnswerOf("n3:7420")]);
      expect(findings.find(({ check }) => check === "endpoint")?.advice).toContain(advice);
    },
  );

  test("nodes that were not asked are named, with how to ask them", () => {
    const { findings } = diagnose([answerOf("n1")]);
    expect(findings.find(({ check }) => check === "coverage")).toMatchObject({
      severity: "ok",
      meaning: expect.stringContaining("n2 and n3 were not asked"),
      advice: expect.stringContaining("--endpoint n1:7420,n2:7420,n3:7420"),
    });
  });

  test.each([
    [
      0.2 * GIB,
      "problem disk: The disk of n1 is full (204.8 MiB free): it refuses writes, reads go on.",
    ],
    [0.5 * GIB, "warning disk: The disk of n1 has only 512 MiB left; a full one refuses writes."],
    [1 * GIB, undefined],
  ])("a disk with %d bytes left", (diskFreeBytes, expected) => {
    const store = { keys: 1, liveBytes: 1, deadBytes: 1, dataFiles: 1, diskFreeBytes };
    expect(troubles([answerOf("n1", THREE, { store })])).toEqual(
      expected === undefined ? [] : [expected],
    );
  });

  test("a node near its bound of requests is a warning", () => {
    const found = troubles([answerOf("n1", THREE, { requestsInFlight: 80 })]);
    expect(found).toEqual([
      "warning requests: n1 has 80 requests under way and refuses more than 100.",
    ]);
    expect(troubles([answerOf("n1", THREE, { requestsInFlight: 79 })])).toEqual([]);
  });

  test("a server that says nothing of its store is not judged by it", () => {
    expect(troubles([answerOf("n1", THREE, { store: undefined, limits: undefined })])).toEqual([]);
  });
});

describe("nodes", () => {
  test.each<[string, readonly StatusAnswer[], readonly string[]]>([
    [
      "no other reaches is down",
      [answerOf("n1", withNodes(N3_AWAY)), answerOf("n2", withNodes(N3_AWAY))],
      ["problem nodes: n3 is down: its replicas neither vote nor answer."],
    ],
    [
      "only some reach is cut off from those",
      [answerOf("n1"), answerOf("n2", withNodes(N3_AWAY))],
      ["problem nodes: n1 reaches n3, but n2 not."],
    ],
  ])("one that %s", (_, answers, expected) => {
    expect(troubles(answers)).toEqual(expected);
  });

  test("one that answers here but to no other is cut off, and does not speak for the rest", () => {
    const lonely = withNodes(
      { n1: { reachable: false }, n2: { reachable: false } },
      leaderless([0, 1, 2]),
    );
    const found = troubles([answerOf("n3", lonely), answerOf("n1", withNodes(N3_AWAY))]);
    expect(found).toContain("problem nodes: n3 runs, but n1 cannot reach it: it is cut off.");
    expect(found.join()).not.toContain("shard-leaders");
  });

  test("one that another does not know yet is not down", () => {
    const old = { ...THREE, epoch: 11, nodes: THREE.nodes.slice(0, 2) };
    expect(troubles([answerOf("n1"), answerOf("n2", old)])).toEqual([
      "warning map: n2 lags: it has the cluster map of epoch 11, the newest is 12.",
    ]);
  });

  test("replacing one is advised only where the cluster could do it", () => {
    const adviceIn = (metaLeader: string | undefined): string | undefined =>
      diagnose([answerOf("n1", { ...withNodes(N3_AWAY), metaLeader })]).findings.find(
        ({ check }) => check === "nodes",
      )?.advice;
    expect(adviceIn("n1")).toContain("titan leave n3");
    expect(adviceIn(undefined)).not.toContain("leave");
  });

  test.each<[string, ClusterStatus, string]>([
    [
      "no leader of the map",
      { ...THREE, metaLeader: undefined },
      "problem meta-leader: Nobody leads the group that keeps the cluster map: no node can join or leave, and nothing is moved.",
    ],
    [
      "one that leaves",
      withNodes({ n2: { state: "draining", replicas: 4 } }),
      "warning leaving: n2 is leaving the cluster; 4 of its replicas have to move away yet.",
    ],
    [
      "two versions",
      withNodes({ n2: { version: "1.3.0" } }),
      "warning versions: The nodes are of different versions: n1 and n3 run 1.2.3; n2 runs 1.3.0.",
    ],
    [
      "a clock that is off",
      withNodes({ n2: { clockOffsetMs: 501 } }),
      "warning clocks: The clock of n2 is 501 ms ahead of the others: times to live may be off by as much.",
    ],
    [
      "a clock that is far off, on the node that is asked",
      withNodes({ n2: { clockOffsetMs: 6_000 }, n3: { clockOffsetMs: 6_001 } }),
      "problem clocks: The clock of n1 is 6000 ms behind the others: times to live may be off by as much.",
    ],
    [
      "a paused balancer",
      { ...THREE, balancer: { paused: true, activity: "" } },
      "warning balancer: The balancer is paused: lost replicas are not made anew, and nothing is evened out.",
    ],
    [
      "a balancer of which nothing is known",
      { ...THREE, balancer: { paused: false, activity: "" } },
      "warning balancer: The node that runs the balancer did not say what it does.",
    ],
    [
      "one that leads far more than its share",
      ledBy(["n1", "n1", "n1", "n1", "n1", "n2"]),
      "warning even-leaders: Leaders are spread unevenly (n1 5, n2 1, n3 0), and with them the load.",
    ],
  ])("%s", (_, cluster, expected) => {
    expect(troubles(all(cluster))).toEqual([expected]);
  });

  test("leaders follow the nodes' weights", () => {
    const heavy = withNodes({ n1: { weight: 4 } }, ledBy(["n1", "n1", "n1", "n1", "n2", "n3"]));
    expect(troubles(all(heavy))).toEqual([]);
  });
});

describe("shards", () => {
  test.each<[string, ClusterStatus, string]>([
    [
      "without a leader",
      leaderless([1, 4]),
      "problem shard-leaders: Shards 1 and 4 have no leader: writes and linearizable reads there fail.",
    ],
    [
      "one without a leader",
      leaderless([1]),
      "problem shard-leaders: Shard 1 has no leader: writes and linearizable reads there fail.",
    ],
    [
      "of which a replica does not answer",
      withReplicas(N3_AWAY),
      "warning replicas: All 6 shards lack some of their replicas: fewer failures can be borne.",
    ],
    [
      "of which most do not answer",
      withReplicas({ ...N3_AWAY, n2: { reachable: false } }),
      "problem replicas: All 6 shards have lost the majority of their replicas: no writes.",
    ],
    [
      "with a replica that does not vote yet",
      withReplicas({ n3: { voter: false, lag: 9_999 } }),
      "warning replicas: All 6 shards have fewer than the 3 replicas wanted: a lost disk may cost data.",
    ],
    [
      "with a voter that is far behind",
      withReplicas({ n2: { lag: 1_000 } }),
      "warning lag: n2 is behind with all 6 shards, by up to 1000 entries: reads there wait.",
    ],
    [
      "with data that differs",
      { ...THREE, divergent: [{ shard: 2, nodeId: "n3" }] },
      "problem divergence: The replica of shard 2 on n3 holds other data than the majority's.",
    ],
  ])("%s", (_, cluster, expected) => {
    expect(troubles(all(cluster))).toEqual([expected]);
  });

  test("a lag that is usual under load is none", () => {
    expect(troubles(all(withReplicas({ n2: { lag: 999 } })))).toEqual([]);
  });

  test.each<[string, Partial<ClusterStatus>, string]>([
    ["nodes are missing", { replicationFactor: 5 }, "add nodes"],
    ["the balancer is paused", { balancer: { paused: true, activity: "" } }, "balancer resume"],
    ["it is being mended", {}, "The balancer makes them"],
  ])("what to do about too few replicas depends on why: %s", (_, change, advice) => {
    const cluster = { ...withReplicas({ n3: { voter: false } }), ...change };
    const found = diagnose(all(cluster)).findings.find(({ check }) => check === "replicas");
    expect(found?.advice).toContain(advice);
  });
});

test.each([
  [["a"], "a"],
  [["a", "b"], "a and b"],
  [["a", "b", "c"], "a, b and c"],
  [Array.from({ length: 10 }, (_, at) => at), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"],
])("%j is said as %j", (names, said) => {
  expect(listed(names)).toBe(said);
});
