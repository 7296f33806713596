import { defineConfig } from "vitest/config";

/** Long ones, which CI runs beyond `npm test`. */
const LONG = [
  "src/keydir/keydir-model.test.ts",
  "src/keydir/keydir-scale.test.ts",
  "test/behaviour/image-kept.test.ts",
  "test/behaviour/index-image.test.ts",
  "test/care/repair.test.ts",
  "test/crash/crash.test.ts",
  "test/level/abstract-level-suite.test.ts",
];
const isThorough = process.env["TITAN_THOROUGH"] === "1";

export default defineConfig({
  test: {
    exclude: ["node_modules/**", ...(isThorough ? [] : LONG)],
    projects: [
      // One process for all files of one part each: none leaves anything behind.
      { extends: true, test: { name: "parts", include: ["src/**/*.test.ts"], isolate: false } },
      // These look at the memory and the descriptors of their process, which has to be their own.
      { extends: true, test: { name: "whole", include: ["test/**/*.test.ts"] } },
    ],
    // Generous: machines that run tests are busy. No test measures time.
    testTimeout: 60_000,
  },
});
