/** What nodes tell each other of how they are, in JSON: for clocks, for status, for balancing. */
import { z } from "zod";
import type { ShardStatus } from "../shard/shard-replica.js";

export interface DivergentReplica {
  readonly shard: number;
  readonly node: number;
}

/** `clock`: only what costs nothing. */
export type ReportKind = "clock" | "all";

export interface NodeReport {
  readonly version: string;
  /** Its wall clock when it answered. */
  readonly wallMs: number;
  /** Of the map that it has. */
  readonly epoch: number;
  /** Whether its map says that the asking node has left the cluster. */
  readonly hasAskerLeft: boolean;
  /** What the balancer does, for people; "" when it is not in charge, and with `clock`. */
  readonly balancer: string;
  /** Replicas that its audits found to differ from the majority: none with `clock`. */
  readonly divergent: readonly DivergentReplica[];
  /** Dropped keyspaces of which shards that it leads have keys yet; none with `clock`. */
  readonly fullKeyspaces: readonly number[];
  /** Its replicas; none with `clock`. */
  readonly shards: readonly ShardStatus[];
}

const count = z.int().min(0);
const shardSchema = z.object({
  shard: count,
  role: z.enum(["leader", "follower", "candidate", "learner"]),
  leader: count.optional(),
  term: count,
  commitIndex: count,
  appliedIndex: count,
  keys: count,
  liveBytes: count,
  deadBytes: count,
  dataFiles: count,
  voters: z.array(count),
  votersOutgoing: z.array(count),
  learners: z.array(count),
  lag: z.array(z.tuple([count, count])).transform((entries) => new Map(entries)),
});
const reportSchema = z.object({
  version: z.string(),
  wallMs: z.number(),
  epoch: count,
  hasAskerLeft: z.boolean(),
  balancer: z.string(),
  divergent: z.array(z.object({ shard: count, node: count })),
  fullKeyspaces: z.array(count),
  shards: z.array(shardSchema.transform((shard) => ({ ...shard, leader: shard.leader }))),
}) satisfies z.ZodType<NodeReport>;
const requestSchema = z.object({ kind: z.enum(["clock", "all"]) });

export function encodeReportRequest(kind: ReportKind): Uint8Array {
  return Buffer.from(JSON.stringify({ kind }));
}

/** @throws Error (zod's, or JSON's) */
export function decodeReportRequest(bytes: Uint8Array): ReportKind {
  return requestSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8"))).kind;
}

export function encodeReport(report: NodeReport): Uint8Array {
  const shards = report.shards.map((shard) => ({ ...shard, lag: [...shard.lag] }));
  return Buffer.from(JSON.stringify({ ...report, shards }));
}

/** @throws Error (zod's, or JSON's) */
export function decodeReport(bytes: Uint8Array): NodeReport {
  return reportSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
}
