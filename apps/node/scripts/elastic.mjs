/**
 * Three nodes become five, are restarted one by one, and become three again, under load without one failed call; see
 * test/elastic/main.ts. After a build:
 *
 *   node scripts/elastic.mjs [--seconds 10] [--callers 8] [--keys 400] [--shards 16] [--verbose]
 */
import { runCluster } from "./run-cluster.mjs";

await runCluster("elastic");
