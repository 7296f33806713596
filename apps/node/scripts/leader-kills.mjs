/**
 * Many callers while leaders are killed; see test/leader-kills/main.ts. After a build:
 *
 *   node scripts/leader-kills.mjs [--kills 20] [--callers 256] [--shards 4] [--seed N] [--verbose]
 */
import { runCluster } from "./run-cluster.mjs";

await runCluster("leader-kills");
