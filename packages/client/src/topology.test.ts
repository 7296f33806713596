import type { GetClusterMapResponse } from "@titan/proto";
import { describe, expect, test } from "vitest";
import { clusterMap } from "../test/fakes/cluster-map.js";
import { Topology } from "./topology.js";

/** With two shards: the first key is of shard 0, the second of shard 1. */
const KEYS = [Buffer.from("b"), Buffer.from("a")] as const;

function learned(map: GetClusterMapResponse): Topology {
  const topology = new Topology();
  topology.learn(map);
  return topology;
}

function leadersOf(topology: Topology): (string | undefined)[] {
  return KEYS.map((key) => topology.leaderOf(key)?.address);
}

describe("a topology", () => {
  test("knows no leader before it has a map", () => {
    expect(leadersOf(new Topology())).toEqual([undefined, undefined]);
  });

  test("names the leader of a key's shard, where there is one", () => {
    expect(leadersOf(learned(clusterMap({ leaders: [2, 0] })))).toEqual(["n2:7420", undefined]);
  });

  test("makes nothing of it when there is one node", () => {
    const map = clusterMap({ leaders: [1, 1], nodes: [1] });
    expect(leadersOf(learned(map))).toEqual([undefined, undefined]);
  });

  test("believes what nodes say since", () => {
    const topology = learned(clusterMap({ leaders: [1, 2] }));
    expect(topology.hint(1, 3)).toBe(true);
    expect(leadersOf(topology)).toEqual(["n1:7420", "n3:7420"]);
  });

  test("is out of date when a node or a shard is named that it does not have", () => {
    const topology = learned(clusterMap({ leaders: [1, 2] }));
    expect([topology.hint(0, 4), topology.hint(2, 1)]).toEqual([false, false]);
    expect(leadersOf(topology)).toEqual(["n1:7420", "n2:7420"]);
  });

  test("forgets what a node led", () => {
    const topology = learned(clusterMap({ leaders: [1, 2] }));
    topology.forget("n2:7420");
    expect(leadersOf(topology)).toEqual(["n1:7420", undefined]);
  });

  test("takes no older map of the same cluster, but one of another", () => {
    const topology = learned(clusterMap({ leaders: [1, 2], epoch: 5 }));
    topology.learn(clusterMap({ leaders: [3, 3], epoch: 4 }));
    expect(leadersOf(topology)).toEqual(["n1:7420", "n2:7420"]);
    topology.learn(clusterMap({ leaders: [3, 3], epoch: 1, clusterId: "other" }));
    expect(leadersOf(topology)).toEqual(["n3:7420", "n3:7420"]);
  });

  test("keeps a leader that the answering node does not know, as long as it is in the cluster", () => {
    const topology = learned(clusterMap({ leaders: [1, 2] }));
    topology.learn(clusterMap({ leaders: [0, 0], nodes: [1, 3], epoch: 2 }));
    expect(leadersOf(topology)).toEqual(["n1:7420", undefined]);
  });

  test("does without a node whose address is none", () => {
    const map = clusterMap({ leaders: [1, 2] });
    const [first] = map.nodes;
    if (first !== undefined) first.grpcAddr = "https://n1";
    const topology = learned(map);
    expect(leadersOf(topology)).toEqual([undefined, "n2:7420"]);
    expect(topology.endpoints.map(({ address }) => address)).toEqual(["n2:7420", "n3:7420"]);
  });

  test("refuses a map whose ranges are none, and stays as it is", () => {
    const topology = learned(clusterMap({ leaders: [1, 2] }));
    const bad = clusterMap({ leaders: [3, 3], epoch: 9 });
    const [first] = bad.shards;
    if (first !== undefined) first.start = "no number";
    expect(() => topology.learn(bad)).toThrow(SyntaxError);
    expect(leadersOf(topology)).toEqual(["n1:7420", "n2:7420"]);
  });
});
