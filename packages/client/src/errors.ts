/**
 * What a call can end with when it does not end well.
 *
 * Two kinds: a wrong argument is the caller's bug and rejects with a plain `TypeError` (wrong kind of
 * thing) or `RangeError` (outside its range) before anything is sent; all else is a {@link ClientError}.
 */

/** Every code, in the order of the README's table. Codes are API: added over time, never changed. */
export const CLIENT_ERROR_CODES = Object.freeze([
  "CLIENT_UNAVAILABLE",
  "CLIENT_TIMEOUT",
  "CLIENT_ABORTED",
  "CLIENT_CLOSED",
  "CLIENT_OVERLOADED",
  "CLIENT_RESOURCE_EXHAUSTED",
  "CLIENT_INVALID_ARGUMENT",
  "CLIENT_NOT_FOUND",
  "CLIENT_FAILED_PRECONDITION",
  "CLIENT_COMPACTED",
  "CLIENT_PERMISSION_DENIED",
  "CLIENT_UNIMPLEMENTED",
  "CLIENT_DATA_LOSS",
  "CLIENT_DECODE_FAILED",
  "CLIENT_PROTOCOL",
  "CLIENT_INTERNAL",
] as const);

/** What went wrong; what to do about each is in the README's table. */
export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

/**
 * Whether a write happened. `"not-applied"`: certainly not, so it may be repeated. `"unknown"`: it may
 * have happened or may still happen, so only a write that may happen twice should be repeated. Reads
 * are always `"not-applied"`.
 */
export type Outcome = "not-applied" | "unknown";

/** Everything a {@link ClientError} is made from. */
export interface ClientErrorInit {
  readonly code: ClientErrorCode;
  readonly outcome: Outcome;
  readonly message: string;
  readonly reason?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly endpoint?: string | undefined;
  readonly attempts?: number | undefined;
  readonly cause?: unknown;
}

const MARK = Symbol.for("@titan/client:ClientError");

/** A call that failed for a reason other than its arguments. Test `code`, or {@link isClientError}. */
export class ClientError extends Error {
  override readonly name: string = "ClientError";
  readonly code: ClientErrorCode;
  /** Whether the write happened. */
  readonly outcome: Outcome;
  /** The server's reason, a name of `ErrorReason` in `@titan/proto`, when a server answered. */
  readonly reason: string | undefined;
  /** Details that belong to `reason`, such as `limit` and `actual`; empty when there are none. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How long the server asks to wait before trying again, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** `host:port` of the server that the last attempt went to, when it got as far as that. */
  readonly endpoint: string | undefined;
  /** How often the call was tried. 0: it was never sent. */
  readonly attempts: number;

  constructor(init: ClientErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.outcome = init.outcome;
    this.reason = init.reason;
    this.metadata = init.metadata ?? {};
    this.retryAfterMs = init.retryAfterMs;
    this.endpoint = init.endpoint;
    this.attempts = init.attempts ?? 0;
  }

  /** Marks instances for {@link isClientError}, also across two installed copies of this package. */
  get [MARK](): true {
    return true;
  }
}

/** Whether `error` is a {@link ClientError}, also one of another copy of this package. */
export function isClientError(error: unknown): error is ClientError {
  return (
    typeof error === "object" && error !== null && (error as { [MARK]?: unknown })[MARK] === true
  );
}
