/**
 * Kills a node under 64 writers as often as you like:
 *
 *   node scripts/kill-loop.mjs [rounds] [seed]
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const [rounds = "50", seed = String(Date.now() % 2 ** 31)] = process.argv.slice(2);
const vitest = dirname(createRequire(import.meta.url).resolve("vitest/package.json"));
const { status } = spawnSync(
  process.execPath,
  [join(vitest, "vitest.mjs"), "run", "test/kill-loop.test.ts"],
  {
    cwd: join(import.meta.dirname, ".."),
    env: { ...process.env, TITAN_RUNS: rounds, TITAN_SEED: seed },
    stdio: "inherit",
  },
);
process.exit(status ?? 1);
