import type { ConfigState } from "@titan/raft";
import { expect, test } from "vitest";
import type { ClusterMap, NodeState } from "./cluster-map.js";
import { genesisMap } from "./genesis.js";
import { metaFounders, metaVoterCount, nextMetaChange } from "./meta-members.js";

/** Nodes numbered from 1, in these states. */
function mapOf(...states: readonly NodeState[]): ClusterMap {
  const founders = states.map((_, at) => ({
    ...{ id: `n${at + 1}`, joinToken: `token-${at}-0123456789`, zone: "", weight: 1 },
    ...{ grpcAddr: `h:${at + 1}`, raftAddr: `h:${at + 101}` },
  }));
  const shape = { shards: 1, replicationFactor: 1, virtualNodes: 1 };
  const map = genesisMap("cluster", shape, founders);
  const nodes = map.nodes.map((node, at) => ({ ...node, state: states[at] ?? "active" }));
  return { ...map, nodes };
}

interface Group {
  readonly voters: readonly number[];
  readonly learners: readonly number[];
}

/** Makes changes until none is left; all members have caught up. */
function settle(map: ClusterMap, start: Group): Group {
  let group = start;
  for (let step = 0; step < 50; step += 1) {
    const config = { ...group, votersOutgoing: [], learnersNext: [], autoLeave: false };
    const caughtUp = new Set([...group.voters, ...group.learners]);
    const changes = nextMetaChange(map, { config: config as unknown as ConfigState, caughtUp });
    if (changes === undefined) return group;
    for (const { operation, node } of changes) {
      const without = {
        voters: group.voters.filter((one) => one !== node),
        learners: group.learners.filter((one) => one !== node),
      };
      if (operation === "add-voter") without.voters.push(node);
      if (operation === "add-learner") without.learners.push(node);
      group = without;
    }
    expect(group.voters.length).toBeGreaterThan(0);
  }
  throw new Error("changes without end");
}

const sorted = ({ voters, learners }: Group) => ({
  voters: voters.toSorted((a, b) => a - b),
  learners: learners.toSorted((a, b) => a - b),
});

test.each([
  [1, 1],
  [2, 1],
  [3, 3],
  [4, 3],
  [5, 5],
  [6, 5],
  [50, 5],
])("of %i nodes %i vote on the map", (nodes, voters) => {
  expect(metaVoterCount(nodes)).toBe(voters);
});

test("nodes that join become learners, and voters once they have caught up", () => {
  const map = mapOf("active", "active", "active", "active");
  expect(sorted(settle(map, { voters: [1], learners: [] }))).toEqual({
    voters: [1, 2, 3],
    learners: [4],
  });
});

test("a new cluster begins with the members that it would come to", () => {
  const map = mapOf("active", "active", "active", "active");
  const founders = metaFounders(map);
  expect(settle(map, founders)).toEqual(founders);
});

test("a node that is emptied hands its vote to another, and goes when it has left", () => {
  const draining = mapOf("active", "draining", "active", "active");
  const group = settle(draining, { voters: [1, 2, 3], learners: [4] });
  expect(sorted(group)).toEqual({ voters: [1, 3, 4], learners: [2] });
  const left = mapOf("active", "left", "active", "active");
  expect(sorted(settle(left, group))).toEqual({ voters: [1, 3, 4], learners: [] });
});

test("nobody gets a vote before it has caught up, and no change is made in the midst of another", () => {
  const map = mapOf("active", "active", "active");
  const config = { voters: [1], learners: [2, 3], votersOutgoing: [] } as unknown as ConfigState;
  expect(nextMetaChange(map, { config, caughtUp: new Set([2]) })).toBeUndefined();
  const joint = { ...config, votersOutgoing: [1] } as unknown as ConfigState;
  expect(nextMetaChange(map, { config: joint, caughtUp: new Set([2, 3]) })).toBeUndefined();
});
