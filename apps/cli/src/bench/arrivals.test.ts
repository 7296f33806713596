import { describe, expect, test } from "vitest";
import { ClosedLoop, OpenLoop } from "./arrivals.js";

describe("an open loop", () => {
  test("has calls arrive at even distances, the first at once, none at the end", () => {
    const loop = new OpenLoop({ ratePerSecond: 4, durationMs: 1_000, maxInFlight: 10 });
    expect([loop.due(0), loop.nextMs]).toEqual([[0], 250]);
    expect([loop.due(249), loop.nextMs]).toEqual([[], 250]);
    expect([loop.due(250), loop.nextMs]).toEqual([[250], 500]);
    expect([loop.due(5_000), loop.nextMs]).toEqual([[500, 750], undefined]);
    expect([loop.inFlight, loop.notSent]).toEqual([4, 0]);
  });

  test("counts what was due during a stall from its scheduled time", () => {
    const loop = new OpenLoop({ ratePerSecond: 10, durationMs: 1_000, maxInFlight: 10 });
    loop.due(0);
    expect(loop.due(350)).toEqual([100, 200, 300]);
  });

  test("does not send what is beyond its bound, nor queue it", () => {
    const loop = new OpenLoop({ ratePerSecond: 10, durationMs: 1_000, maxInFlight: 2 });
    expect([loop.due(350), loop.inFlight, loop.notSent]).toEqual([[0, 100], 2, 2]);
    loop.settled();
    expect([loop.due(399), loop.notSent]).toEqual([[], 2]);
    expect([loop.due(400), loop.notSent]).toEqual([[400], 2]);
    expect([loop.due(500), loop.notSent]).toEqual([[], 3]);
  });

  test.each([
    [1_000, 1_000],
    [3, 1_000],
    [7, 999.5],
    [1, 10],
    [1_000_000, 60_000],
  ])(
    "at %d/s for %d ms, every call is sent or counted as not sent, whoever asks when",
    (ratePerSecond, durationMs) => {
      const total = Math.ceil((ratePerSecond * durationMs) / 1_000);
      for (const steps of [1, 7, 100]) {
        const loop = new OpenLoop({ ratePerSecond, durationMs, maxInFlight: 5 });
        let sent = 0;
        for (let step = 1; step <= steps; step += 1) {
          const nowMs = (2 * durationMs * step) / steps;
          for (const at of loop.due(nowMs)) {
            expect(at).toBeLessThanOrEqual(nowMs);
            expect(at).toBeLessThan(durationMs);
            sent += 1;
          }
          if (step % 2 === 0) loop.settled();
        }
        expect(sent + loop.notSent).toBe(total);
        expect(loop.nextMs).toBeUndefined();
      }
    },
  );

  test("counts an hour of nobody asking without going through it", () => {
    const loop = new OpenLoop({ ratePerSecond: 1e6, durationMs: 3_600_000, maxInFlight: 1 });
    expect([loop.due(3_600_000).length, loop.notSent]).toEqual([1, 3_600_000_000 - 1]);
  });
});

describe("a closed loop", () => {
  test("has each caller call again once it is answered, until the end", () => {
    const loop = new ClosedLoop({ callers: 2, durationMs: 1_000 });
    expect([loop.nextMs, loop.due(0), loop.nextMs]).toEqual([0, [0, 0], undefined]);
    expect(loop.due(5)).toEqual([]);
    loop.settled();
    expect([loop.nextMs, loop.due(7.5), loop.inFlight]).toEqual([0, [7.5], 2]);
    loop.settled();
    expect([loop.due(1_000), loop.nextMs, loop.inFlight]).toEqual([[], undefined, 1]);
  });
});
