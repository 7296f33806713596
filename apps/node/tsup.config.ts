import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/main.ts", "src/testing/index.ts"],
  format: ["esm", "cjs"],
  sourcemap: true,
  clean: true,
});
