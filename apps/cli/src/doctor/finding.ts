/** What `titan doctor` finds, and the words for it. */
import type { ClusterStatus, NodeStatus } from "@titan/client";

/**
 * `"problem"`: something does not work, or is about to. `"warning"`: it works, with less in hand
 * than it should have.
 */
export type Severity = "ok" | "warning" | "problem";

/** What a finding is about. API: scripts test it. */
export type Check =
  | "endpoint"
  | "cluster"
  | "coverage"
  | "disk"
  | "requests"
  | "nodes"
  | "map"
  | "meta-leader"
  | "leaving"
  | "versions"
  | "clocks"
  | "shard-leaders"
  | "replicas"
  | "lag"
  | "divergence"
  | "balancer"
  | "even-leaders";

export interface Finding {
  readonly severity: Severity;
  readonly check: Check;
  /** What is so and what that means, in a sentence. */
  readonly meaning: string;
  /** What to do; `undefined` where nothing has to be done. */
  readonly advice: string | undefined;
}

/** A node that answered, with the cluster as it sees it. */
export interface View extends NodeStatus {
  readonly cluster: ClusterStatus;
}

export function ok(check: Check, meaning: string, advice?: string): Finding {
  return { severity: "ok", check, meaning, advice };
}

export function warning(check: Check, meaning: string, advice: string): Finding {
  return { severity: "warning", check, meaning, advice };
}

export function problem(check: Check, meaning: string, advice: string): Finding {
  return { severity: "problem", check, meaning, advice };
}

/** `found`, or when there is nothing that all is well. */
export function orFine(found: readonly Finding[], fine: Finding): readonly Finding[] {
  return found.length === 0 ? [fine] : found;
}

/** Names in a list that are not counted. */
const MAX_NAMES = 8;

/** `n1`, `n1 and n2`, `n1, n2 and 40 more`. */
export function listed(names: readonly (string | number)[]): string {
  const shown = names.length > MAX_NAMES ? names.slice(0, MAX_NAMES) : names.slice(0, -1);
  const rest = names.length > MAX_NAMES ? `${names.length - MAX_NAMES} more` : names.at(-1);
  return shown.length === 0 ? `${rest ?? ""}` : `${shown.join(", ")} and ${rest ?? ""}`;
}

/** `shard 3`, `shards 3 and 5`, `all 16 shards`. */
export function shardsNamed(
  shards: readonly { readonly shard: number }[],
  totalCount: number,
): string {
  if (shards.length === totalCount && totalCount > 1) return `all ${totalCount} shards`;
  return `${shards.length === 1 ? "shard" : "shards"} ${listed(shards.map(({ shard }) => shard))}`;
}

/** The sentence with a capital. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
