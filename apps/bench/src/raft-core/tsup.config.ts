import { join } from "node:path";
import { defineConfig } from "tsup";

const SOURCES = join(import.meta.dirname, "..", "..", "..", "..", "packages", "raft", "src");

// Bundled from its sources: what is measured is the commit that the report names.
export default defineConfig({
  entry: ["src/raft-core/main.ts", "src/raft-core/worker.ts"],
  format: ["esm"],
  outDir: "dist/raft-core",
  clean: true,
  silent: true,
  noExternal: [/^@titan\/raft/],
  esbuildOptions(options) {
    options.alias = {
      "@titan/raft/transport": join(SOURCES, "transport", "index.ts"),
      "@titan/raft/wal": join(SOURCES, "wal", "index.ts"),
      "@titan/raft": join(SOURCES, "index.ts"),
    };
  },
});
