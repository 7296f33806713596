/** Refusals in the words of a real server: what it says with each reason, and how the client's port carries that. */
import type { ErrorReason } from "@titan/proto";
import type { Outcome } from "../errors.js";
import { RpcFailure } from "../ports.js";

/** gRPC status of each reason (proto/titan/v1/error.proto), and after how many milliseconds a server says to ask again. */
const STATUS_OF: Readonly<Record<ErrorReason, readonly [status: number, retryAfterMs?: number]>> = {
  KEY_EMPTY: [3],
  KEY_TOO_LARGE: [3],
  VALUE_TOO_LARGE: [3],
  BATCH_TOO_LARGE: [3],
  REQUEST_TOO_LARGE: [3],
  FIELD_INVALID: [3],
  KEYSPACE_UNKNOWN: [5],
  NODE_UNKNOWN: [5],
  KEYSPACE_EXISTS: [6],
  NODE_ID_IN_USE: [6],
  OVERLOADED: [8, 50],
  DISK_FULL: [8, 5_000],
  INDEX_FULL: [8],
  RESPONSE_TOO_LARGE: [8],
  WATCH_LAGGED: [8],
  CROSS_SHARD: [9],
  NOT_A_COUNTER: [9],
  SESSION_EXPIRED: [9],
  ALREADY_ANSWERED: [9],
  TOO_STALE: [9],
  WRONG_CLUSTER: [9],
  CLUSTER_STATE: [9],
  NOT_IMPLEMENTED: [12],
  INTERNAL: [13],
  STORE_FAILED: [14],
  NOT_SERVING: [14, 1_000],
  NO_LEADER: [14, 200],
  NOT_LEADER: [14, 50],
  PEER_UNREACHABLE: [14, 100],
  READ_FAILED: [14, 1_000],
  CORRUPT: [15],
  TIMED_OUT: [4],
};
const UNAVAILABLE = 14;

/** A request that the server does not do. */
export class Refusal extends Error {
  override readonly name: string = "Refusal";

  constructor(
    readonly reason: ErrorReason,
    message: string,
    readonly metadata: Readonly<Record<string, string>> = {},
    readonly outcome: Outcome = "not-applied",
  ) {
    super(message);
  }
}

/** The refusal of a field whose value is outside its range. `field` as the contract spells it. */
export function invalidField(field: string, problem: string): Refusal {
  return new Refusal("FIELD_INVALID", `${field}: ${problem}`, { field });
}

/** @param writes whether the call changes anything: then the failure says whether it did */
export function failureOf(refusal: Refusal, writes: boolean): RpcFailure {
  const { reason, message, metadata, outcome } = refusal;
  const [status, retryAfterMs] = STATUS_OF[reason];
  const info = { reason, metadata: writes ? { ...metadata, outcome } : { ...metadata } };
  return new RpcFailure({ status, message, info, retryAfterMs });
}

/** A connection that broke. @param neverSent before the call was sent */
export function connectionLost(neverSent: boolean): RpcFailure {
  const message = "the connection to the test server broke";
  return new RpcFailure({
    ...{ status: UNAVAILABLE, message, info: undefined, retryAfterMs: undefined, neverSent },
  });
}
