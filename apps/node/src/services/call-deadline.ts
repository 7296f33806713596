/**
 * How long a call may take. nice-grpc tells a handler when a deadline has passed, and not when it will; so an
 * interceptor leaves the time that is left among the call's metadata, under a name that no client can use.
 */
import type { ServerInterceptor } from "@grpc/grpc-js";
import type { CallContext } from "nice-grpc";

const HEADER = "titan-internal-time-left-ms";
/** Kept back of a client's time, so that an answer that says why reaches it before it gives up. */
const SHARE_FOR_THE_WAY = 0.1;
const MOST_FOR_THE_WAY_MS = 100;

/** To be put around every call. @param wallMs milliseconds since the Unix epoch, as gRPC counts deadlines */
export function tellTimeLeft(wallMs: () => number): ServerInterceptor {
  return (_method, call) => {
    const start = call.start.bind(call);
    call.start = (listener) => {
      const onReceiveMetadata = listener.onReceiveMetadata.bind(listener);
      listener.onReceiveMetadata = (metadata) => {
        metadata.remove(HEADER);
        const endMs = Number(call.getDeadline());
        if (Number.isFinite(endMs)) metadata.set(HEADER, String(endMs - wallMs()));
        onReceiveMetadata(metadata);
      };
      start(listener);
    };
    return call as ReturnType<ServerInterceptor>;
  };
}

/** Milliseconds that a call may take: what its client gives it, and no more than `mostMs`. */
export function timeLeft({ metadata }: Pick<CallContext, "metadata">, mostMs: number): number {
  const text = metadata.get(HEADER);
  if (text === undefined) return mostMs;
  return spare(Number(text), mostMs);
}

/** Of the time that a client gives a call, what the call may take here, and no more than `mostMs`. */
export function spare(leftMs: number, mostMs: number): number {
  const spareMs = Math.min(leftMs * SHARE_FOR_THE_WAY, MOST_FOR_THE_WAY_MS);
  return Math.max(0, Math.min(mostMs, leftMs - spareMs));
}
