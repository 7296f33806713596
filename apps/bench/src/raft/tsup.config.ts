import { join } from "node:path";
import { defineConfig } from "tsup";

const RAFT = join(import.meta.dirname, "..", "..", "..", "..", "packages", "raft");

// The library is bundled from its sources, so that what is measured is the commit that the report names.
export default defineConfig({
  entry: ["src/raft/main.ts", "src/raft/member.ts", "src/raft/raw-echo.ts"],
  format: ["esm"],
  outDir: "dist/raft",
  clean: true,
  silent: true,
  noExternal: ["@titan/raft"],
  esbuildOptions(options) {
    options.alias = { "@titan/raft": join(RAFT, "src", "index.ts") };
  },
});
