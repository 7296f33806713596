/**
 * A node with a driver inside: the router is asked directly, so that neither gRPC nor a client is measured. Told what
 * to do by the process that started it; see capacity-part.ts.
 */
import { type RunningNode, startNode } from "@titan/node";
import { measure } from "../closed-loop.js";
import type { CapacityJob, CapacityNodeOptions } from "./capacity-job.js";

const LIMITS = { timeoutMs: 30_000 };
const FRESH = { consistency: "linearizable", maxStalenessMs: 0, atLeast: new Map() } as const;
const VALUE = Buffer.alloc(100, "v");
const KEYS = 3_000;
const keys = Array.from({ length: KEYS }, (_, i) => Buffer.from(`key-${i}`));

const options = JSON.parse(process.argv[2] ?? "{}") as CapacityNodeOptions;
const node = await startNode(options);

/** @returns what one caller does again and again, and how many operations that is */
function callOf({ router }: RunningNode, { kind, batch }: CapacityJob) {
  const keyspace = router.keyspace("default");
  const keyAt = (sequence: number) => keys[(sequence * 7919) % KEYS] ?? VALUE;
  const write = { keyspace, limits: LIMITS, writeId: undefined };
  switch (kind) {
    case "put":
      return (sequence: number) =>
        router.put({ key: keyAt(sequence), value: VALUE, ttlMs: 0 }, write);
    case "get":
      return (sequence: number) => router.get(keyspace, keyAt(sequence), FRESH, LIMITS);
    case "batch":
      return (sequence: number) => {
        // Keys with one tag are on one shard.
        const tag = `{${sequence % KEYS}}`;
        const operations = Array.from({ length: batch }, (_, i) => ({
          ...{ type: "put" as const, key: Buffer.from(`${tag}${i}`), value: VALUE, ttlMs: 0 },
        }));
        return router.batch(operations, false, write);
      };
  }
}

process.on("message", (job: CapacityJob) => {
  const before = process.cpuUsage();
  const startMs = performance.now();
  measure(callOf(node, job), job.callers, job.seconds * 1_000).then(
    (measurement) => {
      const { user, system } = process.cpuUsage(before);
      const cores = (user + system) / 1e3 / (performance.now() - startMs);
      process.send?.({ type: "measured", measurement, cores });
    },
    // Whoever waits for the answer sees that there will be none.
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));
process.send?.({ type: "listening" });
