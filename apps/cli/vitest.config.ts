import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // Generous: machines that run tests are busy. No test measures time.
    testTimeout: 60_000,
    // Node's readline looks at it, and edits lines only where a terminal can.
    env: { TERM: "xterm" },
  },
});
