import { describe, expect, test } from "vitest";
import { BALANCER_DEFAULTS, Balancer, type BalancerPort } from "../../src/balancer/balancer.js";
import type { Step } from "../../src/balancer/facts.js";
import { ToyCluster, toyNode } from "./support/toy-cluster.js";

const OPTIONS = { ...BALANCER_DEFAULTS, idleMs: 1000, stepMs: 100, settleMs: 10_000 };

/** A balancer on a toy cluster and a clock that is moved by hand. */
function rig(cluster: ToyCluster) {
  let nowMs = 0;
  const due: { atMs: number; callback: () => void }[] = [];
  const state = { isInCharge: true, failNext: false, steps: [] as Step[], failures: 0, looks: 0 };
  const port: BalancerPort = {
    get isInCharge() {
      return state.isInCharge;
    },
    look: () => {
      state.looks += 1;
      return Promise.resolve(cluster.facts());
    },
    perform: (step) => {
      if (state.failNext) {
        state.failNext = false;
        return Promise.reject(new Error("no way"));
      }
      cluster.perform(step);
      return Promise.resolve();
    },
    schedule: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      due.push(timer);
      return () => {
        const at = due.indexOf(timer);
        if (at >= 0) due.splice(at, 1);
      };
    },
    monotonicMs: () => nowMs,
    onStep: (step, error) => {
      if (error === undefined) state.steps.push(step);
      else state.failures += 1;
    },
  };
  const advance = async (ms: number): Promise<void> => {
    for (const endMs = nowMs + ms; ; ) {
      const next = due.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) {
        nowMs = endMs;
        return;
      }
      due.splice(due.indexOf(next), 1);
      nowMs = Math.max(nowMs, next.atMs);
      next.callback();
      await new Promise((resolve) => setImmediate(resolve));
      cluster.tick(100);
    }
  };
  return { port, state, advance };
}

function grown(): ToyCluster {
  const cluster = new ToyCluster(
    [1, 2, 3].map((number) => toyNode(number)),
    4,
    3,
  );
  cluster.addNode(toyNode(4));
  return cluster;
}

describe("Balancer", () => {
  test("does one step at a time until all is even, then looks now and then", async () => {
    const { port, state, advance } = rig(grown());
    const balancer = new Balancer(port, OPTIONS);
    balancer.start();
    await advance(60_000);
    expect(balancer.status().plan).toEqual({ type: "even" });
    expect(state.steps.length).toBeGreaterThan(4);
    const { looks } = state;
    await advance(10_000);
    expect(state.looks - looks).toBeLessThanOrEqual(11);
    await balancer.stop();
  });

  test("does nothing when another node is in charge", async () => {
    const { port, state, advance } = rig(grown());
    state.isInCharge = false;
    const balancer = new Balancer(port, OPTIONS);
    balancer.start();
    await advance(10_000);
    expect(state).toMatchObject({ looks: 0, steps: [] });
    expect(balancer.status()).toMatchObject({ isInCharge: false, plan: undefined });
    await balancer.stop();
  });

  test("does not call things even that it has not looked at since they changed", async () => {
    const { port, advance } = rig(grown());
    const balancer = new Balancer(port, OPTIONS);
    balancer.start();
    await advance(60_000);
    balancer.nudge();
    expect(balancer.status().plan).toBeUndefined();
    await advance(1);
    expect(balancer.status().plan).toEqual({ type: "even" });
    await balancer.stop();
  });

  test("looks again soon after a turn during which something changed", async () => {
    const { port, state, advance } = rig(grown());
    const balancer = new Balancer(
      {
        ...port,
        get isInCharge() {
          return state.isInCharge;
        },
        look: async () => {
          const facts = await port.look();
          if (state.looks === atLook) balancer.nudge();
          return facts;
        },
      },
      OPTIONS,
    );
    let atLook = 0;
    balancer.start();
    await advance(60_000);
    atLook = state.looks + 1;
    while (state.looks < atLook) await advance(1);
    expect(balancer.status().plan).toBeUndefined();
    await advance(OPTIONS.stepMs);
    expect(state.looks).toBe(atLook + 1);
    expect(balancer.status().plan).toEqual({ type: "even" });
    await balancer.stop();
  });

  test("calls a step that comes too early again and again a failure", async () => {
    const { port, advance } = rig(grown());
    const balancer = new Balancer(
      {
        ...port,
        isInCharge: true,
        isPassing: () => true,
        perform: () => Promise.reject(new Error("too early")),
      },
      OPTIONS,
    );
    balancer.start();
    await advance(3 * OPTIONS.failureMs);
    expect(balancer.status().failure).toBeUndefined();
    await advance(3 * OPTIONS.failureMs);
    expect(balancer.status().failure).toBe("too early");
    await balancer.stop();
  });

  test("says why a step failed, and tries again from a fresh look", async () => {
    const { port, state, advance } = rig(grown());
    state.failNext = true;
    const balancer = new Balancer(port, OPTIONS);
    balancer.start();
    await advance(OPTIONS.failureMs - 1);
    expect(balancer.status().failure).toBe("no way");
    await advance(60_000);
    expect(balancer.status()).toMatchObject({ failure: undefined, plan: { type: "even" } });
    expect(state.failures).toBe(1);
    await balancer.stop();
  });

  test("ends after the step under way", async () => {
    const { port, state, advance } = rig(grown());
    const balancer = new Balancer(port, OPTIONS);
    balancer.start();
    await advance(300);
    await balancer.stop();
    const { looks } = state;
    await advance(10_000);
    expect(state.looks).toBe(looks);
  });
});
