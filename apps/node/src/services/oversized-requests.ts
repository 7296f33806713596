/**
 * A request over gRPC's limit is refused by grpc-js before any code of ours sees it, with a bare status. The
 * limit must stand there, because it bounds what is held in memory; this puts our words in its place.
 */
import { Metadata as GrpcMetadata, type ServerInterceptor, status } from "@grpc/grpc-js";
import { Metadata, Status } from "nice-grpc";
import { putDetails, toRichError } from "./rpc-error.js";

/** Where gRPC carries google.rpc.Status. */
const DETAILS_KEY = "grpc-status-details-bin";
/** grpc-js's words for it: "Received message larger than max (…)", "… that decompresses to a size larger …". */
const IS_OVERSIZED = /^Received message .*larger than/;

/** An interceptor for a server that reads messages of up to `limitBytes`. */
export async function explainOversizedRequests(limitBytes: number): Promise<ServerInterceptor> {
  const message =
    `the request has more than ${limitBytes} bytes, which is all that the server reads; nothing was done: ` +
    "send less at once, or raise --max-value-bytes and --max-batch-bytes";
  const error = toRichError({
    status: Status.INVALID_ARGUMENT,
    message,
    reason: "REQUEST_TOO_LARGE",
    metadata: { limit: String(limitBytes), outcome: "not-applied" },
    retryMs: undefined,
  });
  const trailer = Metadata();
  await putDetails(error, { trailer });
  const details = trailer.get(DETAILS_KEY);
  if (details === undefined) throw new Error("assertion: an error with details has a trailer");
  const metadata = new GrpcMetadata();
  metadata.set(DETAILS_KEY, Buffer.from(details));
  const refusal = { code: status.INVALID_ARGUMENT, details: message, metadata };

  return (_method, call) => {
    const sendStatus = call.sendStatus.bind(call);
    // The innermost call refuses by itself and asks no interceptor, so its own method is what to replace. It
    // also spares every other call a wrapper.
    call.sendStatus = (sent) => sendStatus(isOversized(sent) ? refusal : sent);
    return call as ReturnType<ServerInterceptor>;
  };
}

function isOversized({ code, details }: { readonly code: status; readonly details: string }) {
  return code === status.RESOURCE_EXHAUSTED && IS_OVERSIZED.test(details);
}
