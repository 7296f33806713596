/** The one place where errors become gRPC statuses with google.rpc details. */
import { ERROR_DOMAIN, type ErrorReason } from "@titan/proto";
import { type CallContext, Status } from "nice-grpc";
import {
  type ErrorDetails,
  ErrorInfo,
  errorDetailsServerMiddleware,
  RetryInfo,
  RichServerError,
} from "nice-grpc-error-details";
import { toKvError } from "../kv/engine-failure.js";
import type { KvErrorCode, Outcome } from "../kv/kv-error.js";
import type { Logger } from "../logger.js";

/** How a code travels. `retryMs`: after how long asking again makes sense, with jitter of its own. */
interface Mapping {
  readonly status: Status;
  readonly retryMs?: number;
}

const MAPPINGS: Readonly<Record<KvErrorCode, Mapping>> = {
  KEY_EMPTY: { status: Status.INVALID_ARGUMENT },
  KEY_TOO_LARGE: { status: Status.INVALID_ARGUMENT },
  VALUE_TOO_LARGE: { status: Status.INVALID_ARGUMENT },
  BATCH_TOO_LARGE: { status: Status.INVALID_ARGUMENT },
  FIELD_INVALID: { status: Status.INVALID_ARGUMENT },
  KEYSPACE_UNKNOWN: { status: Status.NOT_FOUND },
  NOT_A_COUNTER: { status: Status.FAILED_PRECONDITION },
  OVERLOADED: { status: Status.RESOURCE_EXHAUSTED, retryMs: 50 },
  DISK_FULL: { status: Status.RESOURCE_EXHAUSTED, retryMs: 5_000 },
  RESPONSE_TOO_LARGE: { status: Status.RESOURCE_EXHAUSTED },
  INDEX_FULL: { status: Status.RESOURCE_EXHAUSTED },
  READ_FAILED: { status: Status.UNAVAILABLE, retryMs: 1_000 },
  STORE_FAILED: { status: Status.UNAVAILABLE },
  NOT_SERVING: { status: Status.UNAVAILABLE, retryMs: 1_000 },
  CORRUPT: { status: Status.DATA_LOSS },
  TOO_STALE: { status: Status.FAILED_PRECONDITION },
  NOT_IMPLEMENTED: { status: Status.UNIMPLEMENTED },
  CROSS_SHARD: { status: Status.FAILED_PRECONDITION },
  SESSION_EXPIRED: { status: Status.FAILED_PRECONDITION },
  ALREADY_ANSWERED: { status: Status.FAILED_PRECONDITION },
  NO_LEADER: { status: Status.UNAVAILABLE, retryMs: 200 },
  NOT_LEADER: { status: Status.UNAVAILABLE, retryMs: 50 },
  TIMED_OUT: { status: Status.DEADLINE_EXCEEDED },
  PEER_UNREACHABLE: { status: Status.UNAVAILABLE, retryMs: 100 },
  WATCH_LAGGED: { status: Status.RESOURCE_EXHAUSTED },
  KEYSPACE_EXISTS: { status: Status.ALREADY_EXISTS },
  NODE_ID_IN_USE: { status: Status.ALREADY_EXISTS },
  NODE_UNKNOWN: { status: Status.NOT_FOUND },
  WRONG_CLUSTER: { status: Status.FAILED_PRECONDITION },
  CLUSTER_STATE: { status: Status.FAILED_PRECONDITION },
  INTERNAL: { status: Status.INTERNAL },
};

/** What an operator must hear of, and how it is logged. */
const DISK_DEFECTS: ReadonlyMap<KvErrorCode, string> = new Map<KvErrorCode, string>([
  ["CORRUPT", "a stored record is damaged"],
  ["READ_FAILED", "the disk failed a read"],
]);

/** An error as clients are told it. */
export interface FailureStatus {
  readonly status: Status;
  readonly message: string;
  readonly reason: ErrorReason;
  readonly metadata: Readonly<Record<string, string>>;
  /** After how long asking again makes sense; undefined: nothing is said of that. */
  readonly retryMs: number | undefined;
}

/** Turns errors into statuses, and logs those that are a defect of the server. */
export class RpcErrors {
  readonly #logger: Logger;
  readonly #nextIncident: () => string;
  readonly #onStoreFailed: (cause: unknown) => void;

  /**
   * @param deps `nextIncident` names a defect in answer and log; `onStoreFailed` is told each time a
   *   call meets a store that refuses since a failed write
   */
  constructor(deps: {
    readonly logger: Logger;
    readonly nextIncident: () => string;
    readonly onStoreFailed: (cause: unknown) => void;
  }) {
    this.#logger = deps.logger;
    this.#nextIncident = deps.nextIncident;
    this.#onStoreFailed = deps.onStoreFailed;
  }

  /**
   * Never returns: throws what nice-grpc is to answer with, its details put into the trailer.
   * @param kind with `"write"` the answer says whether the write happened
   */
  async raise(error: unknown, kind: "read" | "write", context: CallContext): Promise<never> {
    const rich = toRichError(this.describe(error, kind));
    await putDetails(rich, context);
    throw rich;
  }

  /** As {@link RpcErrors.raise}, for what carries failures in its own way. */
  describe(error: unknown, kind: "read" | "write"): FailureStatus {
    const known = toKvError(error);
    if (known === undefined) return this.#toDefect(error, kind);
    if (known.code === "STORE_FAILED") this.#onStoreFailed(error);
    const defect = DISK_DEFECTS.get(known.code);
    if (defect !== undefined) this.#logger.error({ error: known.cause, ...known.metadata }, defect);
    const { status, retryMs } = MAPPINGS[known.code];
    const metadata = withOutcome(known.metadata, kind, known.outcome);
    const { code: reason, message } = known;
    return { status, message, reason, metadata, retryMs };
  }

  #toDefect(error: unknown, kind: "read" | "write"): FailureStatus {
    const incident = this.#nextIncident();
    this.#logger.error(
      { error, incident },
      "a call failed in a way that the server does not expect",
    );
    return {
      status: Status.INTERNAL,
      message: `internal error; the server's log has the details under incident ${incident}`,
      reason: "INTERNAL",
      metadata: withOutcome({ incident }, kind, "unknown"),
      retryMs: undefined,
    };
  }
}

const NO_METHOD = {
  path: "",
  requestStream: false,
  responseStream: false,
  options: {},
} as const;

/**
 * Puts the details of `error` into the trailer of `context`. The package offers that as a middleware only,
 * which wraps a call in two generators; run on failures only, it costs nothing else.
 */
export async function putDetails(
  error: RichServerError,
  context: Pick<CallContext, "trailer">,
): Promise<void> {
  const failed = errorDetailsServerMiddleware<object, object>(
    {
      method: NO_METHOD,
      requestStream: false,
      request: {},
      responseStream: false,
      // biome-ignore lint: a generator that only throws
      next: async function* () {
        throw error;
      },
    },
    context as CallContext,
  );
  try {
    await failed.next();
  } catch {
    // The error itself, which the caller has.
  }
}

/** An error as it travels with a call of its own. */
export function toRichError(init: FailureStatus): RichServerError {
  const { reason, metadata, retryMs } = init;
  const details: ErrorDetails[] = [
    ErrorInfo.fromPartial({ reason, domain: ERROR_DOMAIN, metadata: { ...metadata } }),
  ];
  if (retryMs !== undefined) {
    const seconds = Math.floor(retryMs / 1000);
    const nanos = (retryMs % 1000) * 1_000_000;
    details.push(RetryInfo.fromPartial({ retryDelay: { seconds, nanos } }));
  }
  return new RichServerError(init.status, init.message, details);
}

function withOutcome(
  metadata: Readonly<Record<string, string>>,
  kind: "read" | "write",
  outcome: Outcome,
): Readonly<Record<string, string>> {
  return kind === "write" ? { ...metadata, outcome } : metadata;
}
