import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.js";

test.each([
  ["1ms", 1],
  ["500ms", 500],
  ["5s", 5_000],
  ["1.5m", 90_000],
  ["2h", 7_200_000],
  ["7d", 604_800_000],
])("%s is %i ms", (text, ms) => {
  expect(parseDuration(text, "--ttl")).toBe(ms);
});

test.each(["", "5", "s", "-5s", "5 s", "5S", "1e3s", "0ms", "0.1ms", "999999999999999d"])(
  "%j is refused",
  (text) => {
    expect(() => parseDuration(text, "--ttl")).toThrow("--ttl");
  },
);

test.each([
  [0, "0ms"],
  [999, "999ms"],
  [5_000, "5s"],
  [302_000, "5m 2s"],
  [3_600_000, "1h"],
  [273_600_000, "3d 4h"],
])("%i ms is shown as %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
