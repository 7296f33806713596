import { expect, test } from "vitest";
import type { Logger } from "../logger.js";
import { ClusterClock, medianOffset } from "./cluster-clock.js";

const HOUR = 3_600_000;

function world(wallMs: number) {
  const time = { monotonicMs: 0, wallMs };
  const told: string[] = [];
  const note = (_fields: object, message: string): void => {
    told.push(message);
  };
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  const clock = new ClusterClock(
    {
      monotonicMs: () => time.monotonicMs,
      wallMs: () => time.wallMs,
      schedule: () => () => undefined,
    },
    logger,
  );
  /** A peer whose clock is ahead of the true one; the answer takes `roundTripMs`. */
  const hear = (peer: number, peerWallMs: number, roundTripMs = 0): void => {
    const asked = { ...time };
    time.monotonicMs += roundTripMs;
    time.wallMs += roundTripMs;
    clock.observe(peer, peerWallMs + roundTripMs / 2, asked);
  };
  return { time, told, clock, hear };
}

test.each([
  [[0], 0],
  [[0, 100], 0],
  [[0, 100, 120], 100],
  [[0, -HOUR, 3], 0],
  [[0, HOUR, HOUR + 1, HOUR - 1], HOUR - 1],
])("the middle of %j is %i", (offsets, middle) => {
  expect(medianOffset(offsets)).toBe(middle);
});

test("a node an hour ahead of two others goes by their time, and says so once", () => {
  const { clock, hear, told, time } = world(5 * HOUR);
  hear(2, 4 * HOUR, 40);
  hear(3, 4 * HOUR + 40, 60);
  expect(Math.abs(clock.nowMs() - (time.wallMs - HOUR))).toBeLessThanOrEqual(1);
  hear(2, 4 * HOUR + 100);
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("clock is off");
});

test("a node beside one that is an hour off is not swayed by it", () => {
  const { clock, hear, told } = world(5 * HOUR);
  hear(2, 5 * HOUR);
  hear(3, 6 * HOUR);
  expect(clock.correctionMs).toBe(0);
  expect(clock.offsetOf(3)).toBe(HOUR);
  expect(told).toEqual([]);
});

test("answers that took long, or are long past, or of nodes that left, do not count", () => {
  const { clock, hear, time } = world(5 * HOUR);
  hear(2, HOUR, 5_000);
  expect(clock.correctionMs).toBe(0);
  hear(2, HOUR);
  hear(3, HOUR);
  expect(clock.correctionMs).toBeLessThan(-HOUR);
  clock.keepOnly(new Set([2]));
  expect(clock.correctionMs).toBe(0);
  hear(3, HOUR);
  expect(clock.correctionMs).toBeLessThan(-HOUR);
  time.monotonicMs += 10 * 60_000;
  clock.keepOnly(new Set([2, 3]));
  expect(clock.correctionMs).toBe(0);
});
