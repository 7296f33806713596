/** What commands that look at servers, or give a cluster orders, have to say. */
import type { ClusterStatus, KeyspaceInfo, NodeStatus } from "@titan/client";
import type { Diagnosis } from "./doctor/diagnose.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import type { Failure } from "./failure.js";

/** What came of asking one endpoint. */
export type StatusAnswer =
  | { readonly kind: "status"; readonly status: NodeStatus }
  | { readonly kind: "no-status"; readonly endpoint: string; readonly failure: Failure };

/** One of several looks at all endpoints. */
export interface StatusLook {
  readonly kind: "status-look";
  /** In the order of the endpoints. */
  readonly answers: readonly StatusAnswer[];
  /** When they were there, in milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** Milliseconds until the next look begins. */
  readonly intervalMs: number;
  readonly isFirst: boolean;
}

export type ServerReport =
  | StatusAnswer
  | StatusLook
  | { readonly kind: "members" | "shards"; readonly cluster: ClusterStatus }
  | { readonly kind: "diagnosed"; readonly diagnosis: Diagnosis }
  | { readonly kind: "keyspaces"; readonly keyspaces: readonly KeyspaceInfo[] }
  /** An order that the cluster has taken: in words, and as fields. */
  | {
      readonly kind: "ordered";
      readonly text: string;
      readonly fields: Readonly<Record<string, string | number | boolean>>;
    };

/** What a command that reported this ends with. */
export function exitCodeOfServerReport(report: ServerReport): ExitCode {
  switch (report.kind) {
    case "no-status":
      return report.failure.exitCode;
    case "diagnosed":
      return report.diagnosis.counts.problem > 0 ? EXIT.problemFound : EXIT.ok;
    case "status":
    case "status-look":
    case "members":
    case "shards":
    case "ordered":
    case "keyspaces":
      return EXIT.ok;
  }
}
