import { defineConfig } from "tsup";

export default defineConfig({
  entry: [
    "src/index.ts",
    "src/core/index.ts",
    "src/wal/index.ts",
    "src/transport/index.ts",
    "src/testing/index.ts",
    "src/sim/index.ts",
  ],
  format: ["esm", "cjs"],
  sourcemap: true,
  clean: true,
});
