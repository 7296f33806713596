import { VirtualClock } from "@titan/raft/testing";
import { describe, expect, test } from "vitest";
import { silentLogger } from "../logger.js";
import type { ShardStatus } from "../shard/shard-replica.js";
import type { ClusterMap } from "./cluster-map.js";
import { DroppedKeyspaces, emptyKeyspaces } from "./dropped-keyspaces.js";
import { genesisMap } from "./genesis.js";
import type { MapCommand } from "./map-command.js";
import { MapSource } from "./map-source.js";
import type { NodeReport } from "./node-report.js";

const DROPPED = 7;
const founder = { weight: 1, zone: "" };
const founders = ["a", "b"].map((id, at) => ({
  ...{ ...founder, id, joinToken: `token-${id}`, grpcAddr: `h:${at}1`, raftAddr: `h:${at}2` },
}));
const shape = { shards: 2, replicationFactor: 2, virtualNodes: 16 };
const map: ClusterMap = {
  ...genesisMap("0".repeat(32), shape, founders),
  ...{ epoch: 5, droppedKeyspaces: [DROPPED], nextKeyspaceNumber: DROPPED + 1 },
};

function leading(shard: number): ShardStatus {
  return {
    ...{ shard, role: "leader", leader: 1, term: 1, commitIndex: 1, appliedIndex: 1, keys: 0 },
    ...{ liveBytes: 0, deadBytes: 0, dataFiles: 0, voters: [], votersOutgoing: [], learners: [] },
    lag: new Map(),
  };
}

function report(facts: Partial<NodeReport>): NodeReport {
  return {
    ...{ version: "1", wallMs: 0, epoch: map.epoch, hasAskerLeft: false, balancer: "" },
    ...{ divergent: [], fullKeyspaces: [], shards: [] },
    ...facts,
  };
}

function reports(
  first: Partial<NodeReport> = {},
  second: Partial<NodeReport> | undefined = {},
): ReadonlyMap<number, NodeReport> {
  const all = new Map([[1, report({ shards: [leading(0)], ...first })]]);
  if (second !== undefined) all.set(2, report({ shards: [leading(1)], ...second }));
  return all;
}

describe("a dropped keyspace is empty", () => {
  test("when all nodes know of it, all shards are led, and none has a key", () => {
    expect(emptyKeyspaces(map, reports())).toEqual([DROPPED]);
  });

  test("not while a leader has keys, a node is silent or behind, or a shard has no leader", () => {
    expect(emptyKeyspaces(map, reports({ fullKeyspaces: [DROPPED] }))).toEqual([]);
    expect(emptyKeyspaces(map, new Map([...reports()].slice(0, 1)))).toEqual([]);
    expect(emptyKeyspaces(map, reports({ epoch: map.epoch - 1 }))).toEqual([]);
    expect(emptyKeyspaces(map, reports({}, { shards: [] }))).toEqual([]);
  });
});

const LONGEST_CALL_MS = 90_000;

test("it is struck off behind two looks that found it empty, and only by the leader", async () => {
  const clock = new VirtualClock();
  const commands: MapCommand[] = [];
  const state = { isLeader: false, found: reports() };
  let looks = 0;
  const meta = {
    get isLeader() {
      return state.isLeader;
    },
    change: async (command: MapCommand) => {
      commands.push(command);
    },
  };
  const worker = new DroppedKeyspaces({
    ...{ map: new MapSource(map), meta, clock, logger: silentLogger },
    reports: {
      all: async () => {
        looks += 1;
        return state.found;
      },
    },
    longestCallMs: LONGEST_CALL_MS,
  });
  worker.start();
  const look = async (): Promise<void> => {
    clock.advance(LONGEST_CALL_MS + 10_000);
    await new Promise((resolve) => setImmediate(resolve));
  };
  await look();
  await look();
  expect(commands).toEqual([]);
  state.isLeader = true;
  clock.advance(LONGEST_CALL_MS);
  expect(looks).toBe(0);
  await look();
  expect(looks).toBe(1);
  state.found = reports({ fullKeyspaces: [DROPPED] });
  await look();
  state.found = reports();
  await look();
  expect(commands).toEqual([]);
  await look();
  expect(commands).toEqual([{ type: "finish-drop-keyspace", keyspace: DROPPED }]);
  await worker.stop();
});
