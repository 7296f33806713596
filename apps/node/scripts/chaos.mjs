/**
 * Chaos on a cluster of real processes; see test/chaos/main.ts. After a build:
 *
 *   node scripts/chaos.mjs [--minutes 5] [--seed N] [--nodes 3] [--clients 12] [--keys 6] [--shards 4]
 *                          [--stale-reads] [--verbose]
 *
 * With --stale-reads the run is good when the check rejects it.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { build } from "tsup";

const PACKAGE = join(import.meta.dirname, "..");
const OUT = join(PACKAGE, "node_modules", ".cache", "chaos");

await build({
  ...{ config: false, silent: true, clean: true },
  ...{ entry: [join(PACKAGE, "test", "chaos", "main.ts")], format: ["esm"], outDir: OUT },
});
const { status } = spawnSync(process.execPath, [join(OUT, "main.js"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exit(status ?? 1);
