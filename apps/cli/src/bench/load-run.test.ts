import { describe, expect, test } from "vitest";
import { passTime, turn, VirtualClock } from "../../test/virtual-clock.js";
import { type Arrivals, ClosedLoop, OpenLoop } from "./arrivals.js";
import { runLoad } from "./load-run.js";

const BOUNDS = { durationMs: 1_000, drainMs: 500 };

/**
 * Runs a load of which the call that begins at `nowMs` takes `tookMs(nowMs)`; `undefined`: for
 * ever.
 */
function run(arrivals: Arrivals, tookMs: (nowMs: number) => number | undefined) {
  const clock = new VirtualClock();
  const interruption = new AbortController();
  const latencies: number[] = [];
  const begun: number[] = [];
  const call = (): Promise<string> => {
    const nowMs = clock.monotonicMs();
    begun.push(nowMs);
    const took = tookMs(nowMs);
    return new Promise((resolve) => {
      if (took !== undefined) clock.schedule(took, () => resolve("answer"));
    });
  };
  const onAnswer = (_: string, latencyMs: number): void => void latencies.push(latencyMs);
  const port = { clock, arrivals, call, onAnswer, signal: interruption.signal };
  return { clock, interruption, latencies, begun, ended: runLoad(port, BOUNDS) };
}

const openLoop = (maxInFlight = 100): OpenLoop =>
  new OpenLoop({ ratePerSecond: 10, durationMs: 1_000, maxInFlight });

describe("an open load", () => {
  test("begins its calls on time and ends with the last answer", async () => {
    const load = run(openLoop(), () => 150);
    const end = await passTime(load.clock, load.ended);
    expect(end).toEqual({ elapsedMs: 1_050, unanswered: 0, isInterrupted: false });
    expect(load.begun).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect(load.latencies).toEqual(Array.from({ length: 10 }, () => 150));
  });

  test("lasts its time when all answers are there sooner", async () => {
    const load = run(openLoop(), () => 1);
    expect((await passTime(load.clock, load.ended)).elapsedMs).toBe(1_000);
  });

  test("shows a stall in every call that was due during it", async () => {
    const load = run(openLoop(), () => 0);
    await turn();
    load.clock.advance(0);
    await turn();
    load.clock.stall(350);
    await passTime(load.clock, load.ended);
    expect(load.latencies).toEqual([0, 250, 150, 50, ...Array.from({ length: 6 }, () => 0)]);
  });

  test("of a server that stalls has all later calls begin on time nevertheless", async () => {
    const load = run(openLoop(), (nowMs) => Math.max(10, 510 - nowMs));
    await passTime(load.clock, load.ended);
    expect(load.latencies).toEqual([510, 410, 310, 210, 110, 10, 10, 10, 10, 10]);
  });

  test("ends within its bound when no call settles", async () => {
    const arrivals = openLoop(3);
    const load = run(arrivals, () => undefined);
    const end = await passTime(load.clock, load.ended);
    expect(end).toEqual({ elapsedMs: 1_500, unanswered: 3, isInterrupted: false });
    expect([arrivals.notSent, load.clock.nextInMs]).toEqual([7, undefined]);
  });

  test("sends what was due before the end also when nobody looked until after it", async () => {
    const load = run(openLoop(), () => 0);
    load.clock.stall(2_000);
    await passTime(load.clock, load.ended);
    expect(load.latencies).toHaveLength(10);
  });

  test("ends at once with Ctrl-C, and takes no answer from then on", async () => {
    const load = run(openLoop(), () => 150);
    for (let step = 0; step < 4; step += 1) {
      load.clock.advance(100);
      await turn();
    }
    load.interruption.abort();
    expect(await load.ended).toEqual({ elapsedMs: 400, unanswered: 2, isInterrupted: true });
    load.clock.advance(1_000);
    await turn();
    expect([load.latencies.length, load.begun.length]).toEqual([3, 5]);
  });

  test("does not begin when Ctrl-C came before it", async () => {
    const clock = new VirtualClock();
    const call = (): Promise<never> => expect.unreachable();
    const port = {
      clock,
      arrivals: openLoop(),
      call,
      onAnswer: () => {},
      signal: AbortSignal.abort(),
    };
    expect(await runLoad(port, BOUNDS)).toMatchObject({ elapsedMs: 0, isInterrupted: true });
  });
});

describe("a closed load", () => {
  test("has each caller call again once it is answered", async () => {
    const load = run(new ClosedLoop({ callers: 2, durationMs: 1_000 }), () => 300);
    const end = await passTime(load.clock, load.ended);
    expect(end).toEqual({ elapsedMs: 1_200, unanswered: 0, isInterrupted: false });
    expect(load.begun).toEqual([0, 0, 300, 300, 600, 600, 900, 900]);
    expect(load.latencies).toEqual(load.begun.map(() => 300));
  });

  test("ends within its bound when no call settles", async () => {
    const load = run(new ClosedLoop({ callers: 2, durationMs: 1_000 }), () => undefined);
    const end = await passTime(load.clock, load.ended);
    expect(end).toEqual({ elapsedMs: 1_500, unanswered: 2, isInterrupted: false });
  });
});
