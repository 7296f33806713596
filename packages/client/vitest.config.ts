import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 30_000,
    // One process for all files: none leaves anything behind, and a new one for each doubles the time.
    isolate: false,
  },
});
