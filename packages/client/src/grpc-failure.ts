/** gRPC's errors as the port's. */
import {
  type CallOptions,
  ClientError as GrpcError,
  type Metadata,
  Status,
} from "nice-grpc-common";
import {
  type ErrorDetails,
  errorDetailsClientMiddleware,
  RichClientError,
} from "nice-grpc-error-details";
import { RpcFailure } from "./ports.js";

/** The `domain` of the ErrorInfos that count. */
const DOMAIN = "titan.v1";

/**
 * What grpc-js says of a call that it could not send, or that HTTP/2 certainly refused (a server that stops
 * does that) and that found no connection when it was to be sent again. Its words are all it gives; if they
 * change, such calls count as perhaps applied.
 */
const NEVER_SENT = /^(Channel closed before call started|No connection established)/;

/**
 * What `error`, thrown by a nice-grpc call with this trailer, says. An abort stays what it is.
 * Details that cannot be decoded are left out: the status still counts.
 */
export async function toRpcFailure(
  error: unknown,
  trailer: Metadata | undefined,
): Promise<unknown> {
  if (!(error instanceof GrpcError)) return error;
  const details = trailer === undefined ? [] : await detailsOf(error, trailer);
  let info: RpcFailure["info"];
  let retryAfterMs: number | undefined;
  for (const detail of details) {
    if (!("$type" in detail)) continue;
    if (detail.$type === "google.rpc.ErrorInfo" && detail.domain === DOMAIN) {
      info = { reason: detail.reason, metadata: { ...detail.metadata } };
    } else if (detail.$type === "google.rpc.RetryInfo" && detail.retryDelay !== undefined) {
      const { seconds, nanos } = detail.retryDelay;
      retryAfterMs = Math.max(0, seconds * 1_000 + Math.ceil(nanos / 1_000_000));
    }
  }
  const { code: status, details: message } = error;
  const neverSent = info === undefined && status === Status.UNAVAILABLE && NEVER_SENT.test(message);
  return new RpcFailure({ status, message, info, retryAfterMs, neverSent }, { cause: error });
}

/** A call that ends as the real one did. */
// eslint-disable-next-line require-yield -- a unary call yields nothing
async function* failedCall(
  error: GrpcError,
  trailer: Metadata,
  options: CallOptions,
): AsyncGenerator<never, never, undefined> {
  options.onTrailer?.(trailer);
  throw error;
}

/**
 * Decodes google.rpc.Status from the trailer. The package offers that as a middleware only; every call
 * would pay for that, so it is given a call that has failed already.
 */
async function detailsOf(error: GrpcError, trailer: Metadata): Promise<readonly ErrorDetails[]> {
  const failed = errorDetailsClientMiddleware(
    {
      requestStream: false,
      responseStream: false,
      request: undefined,
      method: { path: error.path, requestStream: false, responseStream: false, options: {} },
      next: (_request, options) => failedCall(error, trailer, options),
    },
    {},
  );
  try {
    await failed.next();
    return [];
  } catch (rich) {
    return rich instanceof RichClientError ? rich.extra : [];
  }
}
