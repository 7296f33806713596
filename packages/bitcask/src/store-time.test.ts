import { expect, test } from "vitest";
import { StoreTime } from "./store-time.js";
import { ManualClock } from "./testing/index.js";

test("now never goes back, not below the floor that was found either", () => {
  const clock = new ManualClock(1000);
  const time = new StoreTime(clock, 5000);
  expect(time.now()).toBe(5000);
  clock.jumpWall(9000);
  expect(time.now()).toBe(10_000);
  clock.jumpWall(-9000);
  expect(time.now()).toBe(10_000);
});

test("an expiry is judged once and wants to be recorded once", () => {
  const clock = new ManualClock(1000);
  const time = new StoreTime(clock, 0);
  let wanted = 0;
  time.onFloorWanted = () => {
    wanted += 1;
  };
  expect(time.hasExpired(0)).toBe(false);
  expect(time.hasExpired(1001)).toBe(false);
  expect(time.wantsFloor).toBe(false);
  expect(time.hasExpired(1000)).toBe(true);
  expect(time.hasExpired(900)).toBe(true);
  expect([time.floor, time.wantsFloor, wanted]).toEqual([1000, true, 1]);
  time.markRecorded(1000);
  expect(time.wantsFloor).toBe(false);
  expect(time.hasExpired(950)).toBe(true);
  expect(time.wantsFloor).toBe(false);
  time.markRefused();
  expect(time.wantsFloor).toBe(true);
});
