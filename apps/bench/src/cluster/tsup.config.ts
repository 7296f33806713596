import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    ...{ main: "src/cluster/main.ts", "echo-server": "src/echo-server.ts" },
    "capacity-node": "src/cluster/capacity-node.ts",
  },
  format: ["esm"],
  outDir: "dist/cluster",
  clean: true,
  silent: true,
});
