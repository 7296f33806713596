import { defineConfig } from "tsup";

export default defineConfig({
  entry: [
    "src/index.ts",
    "src/keyv/index.ts",
    "src/unstorage/index.ts",
    "src/opentelemetry/index.ts",
    "src/testing/index.ts",
  ],
  format: ["esm", "cjs"],
  sourcemap: true,
  clean: true,
});
