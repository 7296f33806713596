/** Errors of a server. */
import { ERROR_DOMAIN } from "@titan/proto";
import type { Status } from "nice-grpc";
import { ErrorInfo, RetryInfo, RichServerError } from "nice-grpc-error-details";

/** An error as titan-node sends it. */
export function titanError(
  status: Status,
  reason: string,
  options: {
    outcome?: string;
    retryMs?: number;
    metadata?: Record<string, string>;
    domain?: string;
  } = {},
): RichServerError {
  const { outcome, retryMs, metadata = {}, domain = ERROR_DOMAIN } = options;
  const info = ErrorInfo.fromPartial({
    reason,
    domain,
    metadata: outcome === undefined ? metadata : { ...metadata, outcome },
  });
  const delayMs = retryMs ?? 0;
  const retry = { seconds: Math.floor(delayMs / 1_000), nanos: (delayMs % 1_000) * 1e6 };
  return new RichServerError(
    status,
    `the server says ${reason}`,
    retryMs === undefined ? [info] : [info, RetryInfo.fromPartial({ retryDelay: retry })],
  );
}
