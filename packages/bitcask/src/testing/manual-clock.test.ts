import { expect, test } from "vitest";
import { ManualClock } from "./manual-clock.js";

test("calls come in the order of their times, then of their scheduling, each at its own time", () => {
  const clock = new ManualClock();
  const seen: string[] = [];
  const note = (name: string) => (): void => {
    seen.push(`${name}@${clock.monotonicMs()}`);
  };
  clock.schedule(20, note("late"));
  clock.schedule(10, note("first"));
  clock.schedule(10, note("second"));
  clock.advance(30);

  expect(seen).toEqual(["first@10", "second@10", "late@20"]);
  expect(clock.monotonicMs()).toBe(30);
  expect(clock.timerCount).toBe(0);
});

test("a call scheduled by a call comes in the same span when it falls due there", () => {
  const clock = new ManualClock();
  const seen: number[] = [];
  const tick = (): void => {
    seen.push(clock.monotonicMs());
    clock.schedule(10, tick);
  };
  clock.schedule(10, tick);
  clock.advance(35);

  expect(seen).toEqual([10, 20, 30]);
  expect(clock.timerCount).toBe(1);
});

test("the wall clock jumps either way without touching durations", () => {
  const clock = new ManualClock(1000);
  clock.advance(5);
  clock.jumpWall(-500);

  expect([clock.wallMs(), clock.monotonicMs()]).toEqual([505, 5]);
});

test("time does not go back or for ever", () => {
  const clock = new ManualClock();
  expect(() => clock.advance(-1)).toThrow(RangeError);
  expect(() => clock.advance(Number.POSITIVE_INFINITY)).toThrow(RangeError);
});
