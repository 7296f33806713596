/** What the client tells of itself, for people who look for what went wrong. */

export const LOG_EVENTS = Object.freeze([
  "connected",
  "connect-failed",
  "connection-lost",
  "retry",
  "map-learned",
] as const);

/** Something that happened in a client. Events and names of fields are API; messages are prose and may change. */
export interface LogEntry {
  /** `"warn"`: something failed, though no call may have suffered from it. */
  readonly level: "debug" | "warn";
  readonly event: (typeof LOG_EVENTS)[number];
  readonly message: string;
  /** `host:port` of the node that it is about. */
  readonly endpoint?: string | undefined;
  /** Of a retry: what the try before it failed with, a code of `ClientError`. */
  readonly code?: string | undefined;
  /** Of a retry: how often the call was tried before. */
  readonly attempts?: number | undefined;
  /** Of a retry: milliseconds until it. */
  readonly delayMs?: number | undefined;
}

/** Takes entries, as they happen. What it throws is ignored. */
export type Logger = (entry: LogEntry) => void;

/** A logger that does no harm, whatever the user's does. */
export function harmless(logger: Logger | undefined): Logger {
  if (logger === undefined) return () => {};
  return (entry) => {
    try {
      logger(entry);
    } catch {
      // A call must not fail for want of a log.
    }
  };
}
