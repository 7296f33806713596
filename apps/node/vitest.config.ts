import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // Generous: processes are started, and machines that run tests are busy. No test measures time.
    testTimeout: 30_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
