import { defineConfig } from "tsup";

export default defineConfig({
  entry: [
    "src/index.ts",
    "src/level/index.ts",
    "src/keyv/index.ts",
    "src/testing/index.ts",
    "src/cli/main.ts",
  ],
  format: ["esm", "cjs"],
  sourcemap: true,
  clean: true,
});
