import { defineConfig } from "vitest/config";

/** Long ones, which CI runs beyond `npm test`. */
const LONG = [
  "src/keydir/keydir-model.test.ts",
  "src/keydir/keydir-scale.test.ts",
  "test/behaviour/index-image.test.ts",
  "test/care/repair.test.ts",
  "test/crash/crash.test.ts",
];
const isThorough = process.env["TITAN_THOROUGH"] === "1";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["node_modules/**", ...(isThorough ? [] : LONG)],
    // Generous: machines that run tests are busy. No test measures time.
    testTimeout: 60_000,
  },
});
