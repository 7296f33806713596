import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // One process for all files: none leaves anything behind, and a new one for each doubles the time.
    isolate: false,
    // Generous: machines that run tests are busy. No test measures time.
    testTimeout: 60_000,
    setupFiles: ["test/support/property-seed.ts"],
  },
});
