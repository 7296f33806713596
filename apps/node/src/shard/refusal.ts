/** Refusals that all replicas of a shard come to alike. */
import { KvError, type KvErrorCode, type Outcome } from "../kv/kv-error.js";
import type { ShardRefusal } from "./shard-command.js";

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});

export function refusal(
  code: KvErrorCode,
  message: string,
  outcome: Outcome = "not-applied",
): ShardRefusal {
  return { type: "refused", code, message, outcome, metadata: NO_METADATA };
}

/** The refusal that a check has thrown. Anything else is a defect and is thrown on. */
export function toRefusal(error: unknown): ShardRefusal {
  if (!(error instanceof KvError)) throw error;
  const { code, message, outcome, metadata } = error;
  return { type: "refused", code, message, outcome, metadata };
}
