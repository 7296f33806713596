import { defineConfig } from "vitest/config";

export default defineConfig({
  // Generous: machines that run tests are busy. No test measures time.
  test: { include: ["src/**/*.test.ts", "test/**/*.test.ts"], testTimeout: 60_000 },
});
