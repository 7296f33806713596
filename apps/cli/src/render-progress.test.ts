import { expect, test } from "vitest";
import { progressText } from "./render-progress.js";

const HALF = {
  ...{ entries: 1_200, bytes: 512, totalBytes: 1_024, elapsedMs: 3_000, isBesideAnswer: false },
};

test.each([
  [
    "is a bar with the time left",
    {},
    "[############------------]   50%  1,200 keys  400/s  3s left",
  ],
  [
    "guesses nothing at first",
    { bytes: 0, entries: 0, elapsedMs: 0 },
    "[------------------------]    0%  0 keys  0/s",
  ],
  [
    "is never more than all of a file that grows",
    { bytes: 9_999 },
    "[########################]  100%  1,200 keys  400/s",
  ],
  [
    "is a count where nobody knows the end",
    { totalBytes: undefined },
    "1,200 keys  512 bytes  400/s",
  ],
  ["counts one key as one", { entries: 1, totalBytes: undefined }, "1 key  512 bytes  0/s"],
])("progress %s", (_what, changes, text) => {
  expect(progressText({ ...HALF, ...changes })).toBe(text);
});
