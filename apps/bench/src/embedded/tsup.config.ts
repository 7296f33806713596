import { join } from "node:path";
import { defineConfig } from "tsup";

const BITCASK = join(import.meta.dirname, "..", "..", "..", "..", "packages", "bitcask");

// The store is bundled from its sources: what is measured is the commit that the report names, and a
// build of the package in the middle of a run changes nothing.
export default defineConfig({
  entry: ["src/embedded/main.ts", "src/embedded/worker.ts"],
  format: ["esm"],
  outDir: "dist/embedded",
  clean: true,
  silent: true,
  noExternal: ["@titan/bitcask"],
  esbuildOptions(options) {
    options.alias = { "@titan/bitcask": join(BITCASK, "src", "index.ts") };
  },
});
