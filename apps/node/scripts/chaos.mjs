/**
 * Chaos on a cluster of real processes; see test/chaos/main.ts. After a build:
 *
 *   node scripts/chaos.mjs [--minutes 5] [--seed N] [--nodes 3] [--clients 12] [--keys 6] [--shards 4]
 *                          [--stale-reads] [--verbose]
 *
 * With --stale-reads the run is good when the check rejects it.
 */
import { runCluster } from "./run-cluster.mjs";

await runCluster("chaos");
