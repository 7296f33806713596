/** Errors as people and scripts get to see them: what happened, what to do next, what to exit with. */
import type { ClientError, ClientErrorCode } from "@titan/client";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { Interrupted } from "./interrupted.js";
import { LockFailure, type LockFailureCode } from "./lock-failure.js";
import { OutputFailed } from "./output-failed.js";
import { StoppedMidway } from "./stopped-midway.js";
import { UsageError } from "./usage-error.js";

/** A command that failed. */
export interface Failure {
  /** A code of the client or of `lock`, or `USAGE`, `INTERRUPTED`, `OUTPUT`, `UNFORESEEN`. */
  readonly code:
    | ClientErrorCode
    | LockFailureCode
    | "USAGE"
    | "INTERRUPTED"
    | "OUTPUT"
    | "UNFORESEEN";
  readonly message: string;
  /** What to do next, when there is something. */
  readonly advice: string | undefined;
  /** Whether a write happened: as far as is known. */
  readonly outcome: "not-applied" | "unknown";
  /** The server's reason, when a server answered. */
  readonly reason: string | undefined;
  /** How far work of many steps came, in numbers. */
  readonly soFar?: Readonly<Record<string, number>>;
  readonly exitCode: ExitCode;
}

const START_A_SERVER =
  "Is it running? `npm start` in Titan's folder starts a server on 127.0.0.1:7420; name another with " +
  "--endpoint host:port or TITAN_ENDPOINTS.";
const CHECK_FIRST =
  "The write may or may not have happened: look with `titan get` before you repeat it.";

const ADVICE_BY_REASON: Readonly<Record<string, string>> = {
  KEY_TOO_LARGE: "Use a shorter key; `titan status` shows the limit.",
  VALUE_TOO_LARGE:
    "Store less under one key, or raise the server's limit; `titan status` shows it.",
  BATCH_TOO_LARGE: "Split the batch; `titan status` shows the limits.",
  NOT_A_COUNTER: "increment works on values that are whole numbers as text, within ±(2^53 - 1).",
  DISK_FULL: "Free space on the server's disk. Reads go on meanwhile.",
  STORE_FAILED:
    "The server's disk failed a write. Look at the server's log and disk, then restart it.",
  CORRUPT: "A record on the server's disk is damaged. Stop the server, keep a copy, see its log.",
  NOT_IMPLEMENTED: "This server does not do that yet.",
  OVERLOADED: "The server has too much to do at the moment. Wait a little and repeat.",
  INTERNAL: "This is a defect of the server; its log has the details.",
  REQUEST_TOO_LARGE: "Send less at once; `titan status` shows the limits.",
  INDEX_FULL: "Delete keys that are not needed. Writes to keys that exist go on.",
  READ_FAILED: "The server's disk failed a read. Look at the server's log and disk.",
  NOT_SERVING: "The server is starting or stopping. Wait a little and repeat.",
};

const ADVICE_BY_CODE: Readonly<Partial<Record<ClientErrorCode, string>>> = {
  CLIENT_UNAVAILABLE: START_A_SERVER,
  CLIENT_TIMEOUT: "Try again, or give it longer with --timeout 30s.",
};

const UNAVAILABLE_CODES: ReadonlySet<ClientErrorCode> = new Set<ClientErrorCode>([
  "CLIENT_UNAVAILABLE",
  "CLIENT_TIMEOUT",
  "CLIENT_OVERLOADED",
]);

/** Whether `error` is a failed call of the client. By its shape, so that help needs not load the client. */
export function isClientError(error: unknown): error is ClientError {
  const { code, outcome } = (error ?? {}) as Partial<Record<string, unknown>>;
  return (
    typeof code === "string" &&
    code.startsWith("CLIENT_") &&
    (outcome === "not-applied" || outcome === "unknown")
  );
}

/** What to tell of `error`, which befell a command that talks to `endpoints`. */
export function failureOf(error: unknown, endpoints: readonly string[]): Failure {
  if (error instanceof LockFailure) {
    const { code, message, advice, outcome, exitCode } = error;
    return { code, message, advice, outcome, reason: undefined, exitCode };
  }
  if (isClientError(error)) return clientFailure(error, endpoints);
  if (error instanceof StoppedMidway) return midwayFailure(error, endpoints);
  if (error instanceof OutputFailed) return outputFailure(error.cause);
  const message = error instanceof Error ? error.message : String(error);
  const none = { advice: undefined, outcome: "not-applied", reason: undefined } as const;
  if (error instanceof Interrupted) {
    return { ...none, code: "INTERRUPTED", message, exitCode: EXIT.interrupted };
  }
  if (error instanceof UsageError) {
    const advice = error.usage === undefined ? undefined : `Usage: ${error.usage}`;
    return { ...none, code: "USAGE", message, advice, exitCode: EXIT.usage };
  }
  return {
    ...none,
    code: "UNFORESEEN",
    message,
    advice: "This is a defect of the titan command; please report it.",
    outcome: "unknown",
    exitCode: EXIT.failed,
  };
}

/** Output that cannot be written, for example because the disk is full. */
export function outputFailure(error: unknown): Failure {
  return {
    code: "OUTPUT",
    message: `cannot write the output: ${error instanceof Error ? error.message : String(error)}`,
    advice: undefined,
    // The command may have been a write, done before its report could be printed.
    outcome: "unknown",
    reason: undefined,
    exitCode: EXIT.failed,
  };
}

function midwayFailure({ cause, soFar }: StoppedMidway, endpoints: readonly string[]): Failure {
  const failure = failureOf(cause, endpoints);
  const { outcome, counts } = soFar;
  const isRefused = failure.exitCode === EXIT.failed;
  const place = isRefused ? (soFar.place ?? "") : "";
  const message = `${place}${failure.message}; ${soFar.text}`;
  const isGone = failure.exitCode === EXIT.unavailable || failure.exitCode === EXIT.unknown;
  const isUnknown = (counts["unknown"] ?? 0) > 0;
  return {
    ...failure,
    message,
    outcome,
    soFar: counts,
    advice: isUnknown || !isRefused ? (soFar.advice ?? failure.advice) : failure.advice,
    exitCode: isGone ? (isUnknown ? EXIT.unknown : EXIT.unavailable) : failure.exitCode,
  };
}

function clientFailure(error: ClientError, endpoints: readonly string[]): Failure {
  const { code, outcome, reason } = error;
  const usual =
    (reason === undefined ? undefined : ADVICE_BY_REASON[reason]) ?? ADVICE_BY_CODE[code];
  const advice = outcome === "unknown" ? CHECK_FIRST : usual;
  const message = UNAVAILABLE_CODES.has(code) ? withEndpoints(error, endpoints) : error.message;
  return { code, message, advice, outcome, reason, exitCode: exitCodeOf(error) };
}

/** Who was asked matters when nobody answers, and not every message of the client says it. */
function withEndpoints({ message }: ClientError, endpoints: readonly string[]): string {
  const isNamed = endpoints.some((endpoint) => message.includes(endpoint));
  return isNamed ? message : `${message} (${endpoints.join(", ")})`;
}

function exitCodeOf({ code, outcome }: ClientError): ExitCode {
  if (code === "CLIENT_ABORTED") return EXIT.interrupted;
  if (outcome === "unknown") return EXIT.unknown;
  return UNAVAILABLE_CODES.has(code) ? EXIT.unavailable : EXIT.failed;
}
