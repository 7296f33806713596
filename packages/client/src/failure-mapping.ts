/**
 * What a failed call means: which code, whether a write happened, and whether trying again is safe and may
 * help. The server's ErrorInfo decides where there is one (error.proto); a bare gRPC status, which may come
 * from a proxy or a broken connection, is trusted with little.
 */
import type { ErrorReason } from "@titan/proto";
import { ClientError, type ClientErrorCode, type Outcome } from "./errors.js";
import type { RpcFailure } from "./ports.js";

/** gRPC status codes that matter here (gRPC core, statuscodes.md). */
const STATUS = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

const CODE_OF_REASON: Readonly<Record<ErrorReason, ClientErrorCode>> = {
  KEY_EMPTY: "CLIENT_INVALID_ARGUMENT",
  KEY_TOO_LARGE: "CLIENT_INVALID_ARGUMENT",
  VALUE_TOO_LARGE: "CLIENT_INVALID_ARGUMENT",
  BATCH_TOO_LARGE: "CLIENT_INVALID_ARGUMENT",
  FIELD_INVALID: "CLIENT_INVALID_ARGUMENT",
  KEYSPACE_UNKNOWN: "CLIENT_NOT_FOUND",
  CROSS_SHARD: "CLIENT_FAILED_PRECONDITION",
  NOT_A_COUNTER: "CLIENT_FAILED_PRECONDITION",
  OVERLOADED: "CLIENT_OVERLOADED",
  DISK_FULL: "CLIENT_RESOURCE_EXHAUSTED",
  STORE_FAILED: "CLIENT_UNAVAILABLE",
  CORRUPT: "CLIENT_DATA_LOSS",
  NOT_SERVING: "CLIENT_UNAVAILABLE",
  NOT_IMPLEMENTED: "CLIENT_UNIMPLEMENTED",
  SESSION_EXPIRED: "CLIENT_FAILED_PRECONDITION",
  NO_LEADER: "CLIENT_UNAVAILABLE",
  NOT_LEADER: "CLIENT_UNAVAILABLE",
  TOO_STALE: "CLIENT_FAILED_PRECONDITION",
  INTERNAL: "CLIENT_INTERNAL",
  RESPONSE_TOO_LARGE: "CLIENT_RESOURCE_EXHAUSTED",
  REQUEST_TOO_LARGE: "CLIENT_INVALID_ARGUMENT",
  INDEX_FULL: "CLIENT_RESOURCE_EXHAUSTED",
  READ_FAILED: "CLIENT_UNAVAILABLE",
  TIMED_OUT: "CLIENT_TIMEOUT",
  PEER_UNREACHABLE: "CLIENT_UNAVAILABLE",
  WATCH_LAGGED: "CLIENT_RESOURCE_EXHAUSTED",
  ALREADY_ANSWERED: "CLIENT_FAILED_PRECONDITION",
  KEYSPACE_EXISTS: "CLIENT_FAILED_PRECONDITION",
  NODE_ID_IN_USE: "CLIENT_FAILED_PRECONDITION",
  NODE_UNKNOWN: "CLIENT_NOT_FOUND",
  WRONG_CLUSTER: "CLIENT_FAILED_PRECONDITION",
  CLUSTER_STATE: "CLIENT_FAILED_PRECONDITION",
};

const CODE_OF_STATUS: Readonly<Record<number, ClientErrorCode>> = {
  [STATUS.CANCELLED]: "CLIENT_UNAVAILABLE",
  [STATUS.INVALID_ARGUMENT]: "CLIENT_INVALID_ARGUMENT",
  [STATUS.DEADLINE_EXCEEDED]: "CLIENT_TIMEOUT",
  [STATUS.NOT_FOUND]: "CLIENT_NOT_FOUND",
  [STATUS.ALREADY_EXISTS]: "CLIENT_FAILED_PRECONDITION",
  [STATUS.PERMISSION_DENIED]: "CLIENT_PERMISSION_DENIED",
  [STATUS.RESOURCE_EXHAUSTED]: "CLIENT_RESOURCE_EXHAUSTED",
  [STATUS.FAILED_PRECONDITION]: "CLIENT_FAILED_PRECONDITION",
  [STATUS.ABORTED]: "CLIENT_UNAVAILABLE",
  [STATUS.OUT_OF_RANGE]: "CLIENT_INVALID_ARGUMENT",
  [STATUS.UNIMPLEMENTED]: "CLIENT_UNIMPLEMENTED",
  [STATUS.UNAVAILABLE]: "CLIENT_UNAVAILABLE",
  [STATUS.DATA_LOSS]: "CLIENT_DATA_LOSS",
  [STATUS.UNAUTHENTICATED]: "CLIENT_PERMISSION_DENIED",
};

/** What a call may do, for judging its failures. */
export interface CallNature {
  /** Whether it changes anything. */
  readonly writes: boolean;
  /** Whether the caller accepts that it happens twice. */
  readonly retryUnknown: boolean;
}

/** How a failure is to be treated. */
export interface Verdict {
  readonly code: ClientErrorCode;
  readonly outcome: Outcome;
  /** Whether trying again is safe and may help. */
  readonly retry: boolean;
  /**
   * What it says of the endpoint: `"broken"`: drop the connection and leave it alone for a while.
   * `"elsewhere"`: it works, but another may do better. `"fine"`: keep using it.
   */
  readonly endpoint: "broken" | "elsewhere" | "fine";
}

/** Judges `failure` of a call of this nature. */
export function judge(failure: RpcFailure, nature: CallNature): Verdict {
  const code = codeOf(failure, nature.writes);
  const outcome = nature.writes ? outcomeOf(failure) : "not-applied";
  const safe = outcome === "not-applied" || nature.retryUnknown;
  return { code, outcome, retry: safe && isPassing(failure), endpoint: endpointOf(failure) };
}

function codeOf(failure: RpcFailure, writes: boolean): ClientErrorCode {
  const { info, status } = failure;
  // A newer server may know reasons that this version does not: then the status decides.
  const known = CODE_OF_REASON as Readonly<Record<string, ClientErrorCode | undefined>>;
  const byReason = info === undefined ? undefined : known[info.reason];
  if (byReason !== undefined) return byReason;
  if (isStreamReset(failure)) return "CLIENT_UNAVAILABLE";
  if (writes && isTooLarge(failure)) return "CLIENT_INVALID_ARGUMENT";
  return CODE_OF_STATUS[status] ?? "CLIENT_INTERNAL";
}

function outcomeOf(failure: RpcFailure): Outcome {
  const { info, status } = failure;
  if (info !== undefined) {
    return info.metadata["outcome"] === "not-applied" ? "not-applied" : "unknown";
  }
  // These are decided before a request reaches a handler, whoever decides them.
  const refusedAtTheDoor =
    failure.neverSent ||
    status === STATUS.UNIMPLEMENTED ||
    status === STATUS.UNAUTHENTICATED ||
    status === STATUS.PERMISSION_DENIED ||
    isTooLarge(failure);
  return refusedAtTheDoor ? "not-applied" : "unknown";
}

/** Whether the same call may well succeed a moment later, here or elsewhere. */
function isPassing(failure: RpcFailure): boolean {
  const { info, status } = failure;
  if (info !== undefined) return status === STATUS.UNAVAILABLE || info.reason === "OVERLOADED";
  return (
    status === STATUS.UNAVAILABLE ||
    status === STATUS.CANCELLED ||
    status === STATUS.ABORTED ||
    isStreamReset(failure)
  );
}

function endpointOf(failure: RpcFailure): Verdict["endpoint"] {
  const { info, status } = failure;
  if (info === undefined) {
    const cut = status === STATUS.UNAVAILABLE || isStreamReset(failure);
    return cut ? "broken" : "fine";
  }
  if (info.reason === "STORE_FAILED" || info.reason === "NOT_SERVING") return "broken";
  return status === STATUS.UNAVAILABLE ? "elsewhere" : "fine";
}

/** grpc-js reports a stream that the other side's HTTP/2 reset as INTERNAL with these words. */
function isStreamReset({ info, status, message }: Pick<RpcFailure, "info" | "status" | "message">) {
  return info === undefined && status === STATUS.INTERNAL && message.includes("RST_STREAM");
}

/** grpc-js's words for a message that is too large to be sent, and for one that nobody will read. */
const TOO_LARGE = /^(Attempted to send message with a size|Received message) larger than/;

/**
 * Whether a message was over gRPC's limit. With a write that is the request, refused before anybody read
 * it: the answer to a write that was applied is small.
 */
function isTooLarge({ info, status, message }: RpcFailure): boolean {
  return info === undefined && status === STATUS.RESOURCE_EXHAUSTED && TOO_LARGE.test(message);
}

/** What to do about a message over gRPC's limit, whose own words only say that it is. */
function adviceOn(failure: RpcFailure, code: ClientErrorCode): string {
  if (!isTooLarge(failure)) return "";
  if (code !== "CLIENT_INVALID_ARGUMENT") return "; ask for less at once, or raise maxMessageBytes";
  return failure.message.startsWith("Attempted")
    ? "; send less at once, or raise maxMessageBytes"
    : "; send less at once, or raise the server's --max-value-bytes and --max-batch-bytes";
}

/** The error that the caller sees of `failure`. */
export function toClientError(
  failure: RpcFailure,
  verdict: Verdict,
  where: { readonly endpoint: string; readonly attempts: number },
): ClientError {
  return new ClientError({
    code: verdict.code,
    outcome: verdict.outcome,
    message: `${where.endpoint}: ${failure.message}${adviceOn(failure, verdict.code)}`,
    reason: failure.info?.reason,
    metadata: failure.info?.metadata,
    retryAfterMs: failure.retryAfterMs,
    endpoint: where.endpoint,
    attempts: where.attempts,
    cause: failure,
  });
}
