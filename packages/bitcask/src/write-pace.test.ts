import { expect, test } from "vitest";
import { ManualClock } from "./testing/index.js";
import { WritePace } from "./write-pace.js";

test("small groups may block, large ones and crowds may not", () => {
  const pace = new WritePace(new ManualClock());
  expect(pace.mayBlock(1, 100)).toBe(true);
  expect(pace.mayBlock(1000, 100)).toBe(false);
  expect(pace.mayBlock(1, 10_000_000)).toBe(false);
});

test("the event loop gets a turn after some milliseconds, and after some groups", () => {
  const clock = new ManualClock();
  const pace = new WritePace(clock);
  for (let group = 0; group < 3; group++) {
    const started = pace.started();
    clock.advance(2);
    pace.ended(started);
  }
  expect(pace.mayBlock(1, 1)).toBe(false);
  pace.yielded();
  expect(pace.mayBlock(1, 1)).toBe(true);
  for (let group = 0; group < 1000; group++) pace.ended(pace.started());
  expect(pace.mayBlock(1, 1)).toBe(false);
});

test("a slow disk is left to the thread pool for a while", () => {
  const clock = new ManualClock();
  const pace = new WritePace(clock);
  const started = pace.started();
  clock.advance(50);
  pace.ended(started);
  pace.yielded();
  let waited = 0;
  while (!pace.mayBlock(1, 1)) waited += 1;
  expect(waited).toBeGreaterThan(10);
  expect(waited).toBeLessThan(1000);
});
