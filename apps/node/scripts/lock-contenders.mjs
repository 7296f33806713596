/**
 * Processes that contend for a lock while leaders are killed and holders are frozen; see test/lock-contenders/main.ts.
 * After a build:
 *
 *   node scripts/lock-contenders.mjs [--seconds 60] [--contenders 8] [--seed N] [--verbose]
 */
import { runCluster } from "./run-cluster.mjs";

await runCluster("lock-contenders");
