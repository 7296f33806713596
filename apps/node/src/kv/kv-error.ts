/** Why a request on keys and values could not be served, in words that know no transport. */

/** Stable codes; each has a reason of the same name in the contract (proto/titan/v1/error.proto). */
export const KV_ERROR_CODES = [
  "KEY_EMPTY",
  "KEY_TOO_LARGE",
  "VALUE_TOO_LARGE",
  "BATCH_TOO_LARGE",
  "FIELD_INVALID",
  "KEYSPACE_UNKNOWN",
  "NOT_A_COUNTER",
  "OVERLOADED",
  "DISK_FULL",
  "INDEX_FULL",
  "READ_FAILED",
  "STORE_FAILED",
  "CORRUPT",
  "NOT_SERVING",
  "NOT_IMPLEMENTED",
  "RESPONSE_TOO_LARGE",
  "TOO_STALE",
  "CROSS_SHARD",
  "SESSION_EXPIRED",
  "ALREADY_ANSWERED",
  "NO_LEADER",
  "NOT_LEADER",
  "TIMED_OUT",
  "PEER_UNREACHABLE",
  "WATCH_LAGGED",
  "KEYSPACE_EXISTS",
  "NODE_ID_IN_USE",
  "NODE_UNKNOWN",
  "WRONG_CLUSTER",
  "CLUSTER_STATE",
  "INTERNAL",
] as const;

export type KvErrorCode = (typeof KV_ERROR_CODES)[number];

/** Whether a failed write happened: certainly not, or perhaps. */
export type Outcome = "not-applied" | "unknown";

/** What a {@link KvError} is made of. */
export interface KvErrorInit {
  readonly code: KvErrorCode;
  readonly message: string;
  /** @default "not-applied" */
  readonly outcome?: Outcome;
  /** What the code's comment in the contract promises, for example `limit` and `actual`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});

/** A request that was refused or failed for a known reason. */
export class KvError extends Error {
  override readonly name: string = "KvError";
  readonly code: KvErrorCode;
  /** Meaningful for writes only. */
  readonly outcome: Outcome;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(init: KvErrorInit, options?: ErrorOptions) {
    super(init.message, options);
    this.code = init.code;
    this.outcome = init.outcome ?? "not-applied";
    this.metadata = init.metadata ?? NO_METADATA;
  }
}

/** The error of a field whose value is outside its range. `field` as the contract spells it. */
export function invalidField(field: string, problem: string): KvError {
  return new KvError({
    code: "FIELD_INVALID",
    message: `${field}: ${problem}`,
    metadata: { field },
  });
}
