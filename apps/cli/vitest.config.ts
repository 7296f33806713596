import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // Node's readline looks at it, and edits lines only where a terminal can.
    env: { TERM: "xterm" },
  },
});
