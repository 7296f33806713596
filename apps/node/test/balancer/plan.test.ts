import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PlanOptions, Step } from "../../src/balancer/facts.js";
import { planNext } from "../../src/balancer/plan.js";
import { ToyCluster, toyNode } from "./support/toy-cluster.js";

const OPTIONS: PlanOptions = { caughtUpLag: 1000, replaceAfterMs: 60_000 };
const STEPS = 2000;

/** Runs the balancer until it rests; throws when a step breaks what it must never break. */
function settle(cluster: ToyCluster, lose: () => boolean = () => false): Step[] {
  const done: Step[] = [];
  let transfers = new Set<number>();
  for (let turn = 0; turn < STEPS; turn += 1) {
    cluster.tick(100);
    const plan = planNext(cluster.facts(transfers), OPTIONS);
    if (plan.type === "even") {
      if (transfers.size === 0) return done;
      transfers = new Set();
      continue;
    }
    // Who waits, waits until shards whose leaders were changed may be touched again.
    if (plan.type === "wait") transfers = new Set();
    // A step may be lost, or done although nobody learns of it: the next balancer looks afresh.
    if (plan.type === "wait" || lose()) continue;
    cluster.perform(plan.step);
    done.push(plan.step);
    if (plan.step.type === "transfer-leader") transfers.add(plan.step.shard);
    assertSafe(cluster);
  }
  throw new Error(`does not come to rest: ${JSON.stringify(planNext(cluster.facts(), OPTIONS))}`);
}

/** No shard that had a majority that answers lost it by a step, and at most one shard moves. */
function assertSafe(cluster: ToyCluster): void {
  for (const { voters } of cluster.shards) {
    const alive = voters.filter((node) => !cluster.down.has(node)).length;
    expect(alive * 2).toBeGreaterThan(voters.length);
  }
  expect(cluster.map.shards.filter(({ move }) => move !== undefined).length).toBeLessThanOrEqual(1);
}

function loads(cluster: ToyCluster): Map<number, number> {
  const counts = new Map(
    cluster.map.nodes.filter(({ state }) => state === "active").map(({ number }) => [number, 0]),
  );
  for (const { voters } of cluster.shards) {
    for (const node of voters) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

describe("planNext", () => {
  test("evens replicas and leaders when nodes join", () => {
    const cluster = new ToyCluster(
      [1, 2, 3].map((number) => toyNode(number)),
      16,
      3,
    );
    settle(cluster);
    cluster.addNode(toyNode(4));
    cluster.addNode(toyNode(5));
    cluster.moves = 0;
    settle(cluster);
    const counts = [...loads(cluster).values()];
    // 48 replicas on 5 nodes: 9.6 each.
    expect(Math.max(...counts)).toBeLessThanOrEqual(11);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(8);
    expect(cluster.moves).toBeLessThanOrEqual(22);
    const leads = cluster.shards.map(({ leader }) => leader);
    for (const node of [1, 2, 3, 4, 5]) {
      expect(leads.filter((leader) => leader === node).length).toBeLessThanOrEqual(4);
    }
  });

  test("empties a node that is to leave, and lets it go then", () => {
    const cluster = new ToyCluster(
      [1, 2, 3, 4].map((number) => toyNode(number)),
      8,
      3,
    );
    settle(cluster);
    cluster.setState(1, "draining");
    const steps = settle(cluster);
    expect(steps.at(-1)).not.toEqual(expect.objectContaining({ type: "begin-move" }));
    expect(cluster.map.nodes.find(({ number }) => number === 1)?.state).toBe("left");
    expect(cluster.shards.flatMap(({ voters }) => voters)).not.toContain(1);
    expect(cluster.shards.every(({ voters }) => voters.length === 3)).toBe(true);
  });

  test("replaces a node that is gone for too long, no earlier", () => {
    const cluster = new ToyCluster(
      [1, 2, 3, 4].map((number) => toyNode(number)),
      8,
      3,
    );
    settle(cluster);
    cluster.down.add(2);
    cluster.tick(OPTIONS.replaceAfterMs - 200);
    expect(planNext(cluster.facts(new Set(cluster.shards.keys())), OPTIONS).type).not.toBe("step");
    cluster.tick(1000);
    settle(cluster);
    expect(cluster.map.nodes.find(({ number }) => number === 2)?.state).toBe("left");
    expect(cluster.shards.flatMap(({ voters }) => voters)).not.toContain(2);
  });

  test("keeps a node that is gone when nobody can take its replicas", () => {
    const cluster = new ToyCluster(
      [1, 2, 3].map((number) => toyNode(number)),
      4,
      3,
    );
    settle(cluster);
    cluster.down.add(3);
    cluster.tick(10 * OPTIONS.replaceAfterMs);
    settle(cluster);
    expect(cluster.map.nodes.every(({ state }) => state === "active")).toBe(true);
    expect(cluster.shards.every(({ voters }) => voters.includes(3))).toBe(true);
  });

  test("has a leader hand over before it is removed, as long as another voter can lead", () => {
    const cluster = new ToyCluster(
      [1, 2, 3, 4].map((number) => toyNode(number)),
      1,
      3,
    );
    settle(cluster);
    const [shard] = cluster.shards;
    if (shard === undefined) throw new Error("there is a shard");
    const { leader } = shard;
    cluster.setState(leader, "draining");
    const steps = settle(cluster);
    const handOver = steps.findIndex(({ type }) => type === "transfer-leader");
    const removal = steps.findIndex((one) => one.type === "change-voters" && one.remove === leader);
    expect(handOver).toBeGreaterThanOrEqual(0);
    expect(removal).toBeGreaterThan(handOver);
  });

  test("waits for a hand-over under way instead of asking again, and removes a leader that has no heir", () => {
    const cluster = new ToyCluster(
      [1, 2, 3, 4].map((number) => toyNode(number)),
      1,
      3,
    );
    settle(cluster);
    const leader = cluster.shards[0]?.leader ?? 0;
    cluster.setState(leader, "draining");
    let plan = planNext(cluster.facts(), OPTIONS);
    for (; plan.type !== "step" || plan.step.type !== "transfer-leader"; ) {
      if (plan.type === "step") cluster.perform(plan.step);
      cluster.tick(100);
      plan = planNext(cluster.facts(), OPTIONS);
    }
    expect(planNext(cluster.facts(new Set([0])), OPTIONS)).toMatchObject({ type: "wait" });
    const shards = new Map(
      [...cluster.facts().shards].map(([n, one]) => [n, { ...one, lag: new Map() }]),
    );
    expect(planNext({ ...cluster.facts(), shards }, OPTIONS)).not.toMatchObject({
      step: { type: "transfer-leader" },
    });
  });

  test("gives a move up when its node goes away before it votes", () => {
    const cluster = new ToyCluster(
      [1, 2, 3].map((number) => toyNode(number)),
      1,
      3,
    );
    settle(cluster);
    cluster.addNode(toyNode(4));
    cluster.setState(3, "draining");
    for (let turn = 0; cluster.shards[0]?.learners.length !== 1; turn += 1) {
      const plan = planNext(cluster.facts(), OPTIONS);
      if (plan.type === "step") cluster.perform(plan.step);
      expect(turn).toBeLessThan(10);
    }
    cluster.down.add(4);
    const plan = planNext(cluster.facts(), OPTIONS);
    expect(plan).toEqual({
      type: "step",
      step: { type: "change-voters", shard: 0, add: undefined, remove: 4 },
    });
    cluster.perform((plan as { step: Step }).step);
    expect(planNext(cluster.facts(), OPTIONS)).toMatchObject({ step: { type: "finish-move" } });
  });

  test("does nothing while paused", () => {
    const cluster = new ToyCluster(
      [1, 2, 3].map((number) => toyNode(number)),
      4,
      3,
    );
    cluster.addNode(toyNode(4));
    cluster.map = { ...cluster.map, isBalancerPaused: true };
    expect(planNext(cluster.facts(), OPTIONS).type).toBe("wait");
  });

  test("comes to rest and never breaks a majority, whatever joins, leaves, dies and comes back", () => {
    const event = fc.record({
      kind: fc.constantFrom("join", "leave", "die", "return", "part"),
      pick: fc.nat(1000),
      zone: fc.constantFrom("", "a", "b", "c"),
    });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 8 }),
        fc.infiniteStream(fc.boolean()),
        (events, losses) => {
          const cluster = new ToyCluster(
            [1, 2, 3].map((number) => toyNode(number)),
            6,
            3,
          );
          for (const { kind, pick, zone } of events) {
            happen(cluster, { kind, pick, zone });
            if (kind !== "part") settle(cluster, () => losses.next().value === true);
          }
          cluster.down.clear();
          settle(cluster);
          const active = cluster.map.nodes.filter(({ state }) => state === "active");
          for (const { voters, learners } of cluster.shards) {
            expect(new Set(voters).size).toBe(Math.min(3, active.length));
            expect(learners).toEqual([]);
            expect(voters.every((node) => active.some(({ number }) => number === node))).toBe(true);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

function happen(
  cluster: ToyCluster,
  { kind, pick, zone }: { kind: string; pick: number; zone: string },
): void {
  const active = cluster.map.nodes.filter(({ state }) => state === "active");
  const chosen = active[pick % active.length];
  if (kind === "join" || kind === "part") {
    cluster.addNode(toyNode(cluster.map.nodes.length + 1, { zone }));
  } else if (kind === "leave" && active.length > 3 && chosen !== undefined) {
    cluster.setState(chosen.number, "draining");
  } else if (kind === "die" && cluster.down.size === 0 && chosen !== undefined) {
    cluster.down.add(chosen.number);
  } else if (kind === "return") cluster.down.clear();
}
