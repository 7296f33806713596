/** The gRPC server: which services, which bounds, where it listens, how it stops. */
import {
  ClusterServiceDefinition,
  type ClusterServiceImplementation,
  fileDescriptorSet,
  KvServiceDefinition,
  type KvServiceImplementation,
  PipelineServiceDefinition,
  type PipelineServiceImplementation,
  SERVICE_NAMES,
} from "@titan/proto";
import { createServer } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { ServerReflection, ServerReflectionService } from "nice-grpc-server-reflection";
import { NodeError } from "./node-error.js";
import { tellTimeLeft } from "./services/call-deadline.js";
import { withMalformedRequests } from "./services/calls.js";
import type { HealthState } from "./services/health-service.js";
import { explainOversizedRequests } from "./services/oversized-requests.js";

/** Bounds on connections and messages. */
export interface GrpcLimits {
  readonly messageBytes: number;
  readonly streamsPerConnection: number;
}

/** What the server serves. */
export interface Services {
  readonly kv: KvServiceImplementation;
  readonly pipeline: PipelineServiceImplementation;
  readonly cluster: ClusterServiceImplementation;
  readonly health: HealthState;
}

/** A server that listens. */
export interface GrpcServer {
  /** `HOST:PORT` with the actual port. */
  readonly address: string;
  /**
   * Takes no new connection, waits for calls under way, and cuts off what is left after `timeoutMs`.
   * @returns whether all calls ended by themselves
   */
  close(timeoutMs: number): Promise<boolean>;
}

/** A peer that answers no ping for this long is gone, and its calls are freed. */
const KEEPALIVE_INTERVAL_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

/**
 * Listens on `address` (`HOST:PORT`).
 * @throws NodeError `NODE_ADDRESS`
 */
export async function listenGrpc(
  address: string,
  services: Services,
  limits: GrpcLimits,
): Promise<GrpcServer> {
  const server = createServer({
    interceptors: [await explainOversizedRequests(limits.messageBytes), tellTimeLeft(Date.now)],
    "grpc.max_receive_message_length": limits.messageBytes,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": limits.streamsPerConnection,
    "grpc.keepalive_time_ms": KEEPALIVE_INTERVAL_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    // Statistics for each call and message that nobody reads.
    "grpc.enable_channelz": 0,
  });
  server.add(withMalformedRequests(KvServiceDefinition), services.kv);
  server.add(withMalformedRequests(PipelineServiceDefinition), services.pipeline);
  server.add(withMalformedRequests(ClusterServiceDefinition), services.cluster);
  server.add(HealthDefinition, services.health.service());
  server.add(ServerReflectionService, ServerReflection(fileDescriptorSet(), [...SERVICE_NAMES]));
  let port: number;
  try {
    port = await server.listen(address);
  } catch (error) {
    throw cannotListen(address, error);
  }
  return {
    address: `${address.slice(0, address.lastIndexOf(":"))}:${port}`,
    close: (timeoutMs) => stop(server, timeoutMs),
  };
}

function cannotListen(address: string, cause: unknown): NodeError {
  const message = cause instanceof Error ? cause.message : String(cause);
  // grpc-js wraps the system's words: "No address added out of total 1 resolved errors: [listen …]".
  const why = /errors: \[(.+)\]$/.exec(message)?.[1] ?? message;
  const advice = why.includes("EADDRINUSE")
    ? "another server runs there: stop it, or choose another address with --grpc-addr"
    : "choose an address of this machine with --grpc-addr";
  return new NodeError("NODE_ADDRESS", `cannot listen on ${address}: ${why}; ${advice}`, { cause });
}

async function stop(server: ReturnType<typeof createServer>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const isDrained = await Promise.race([server.shutdown().then(() => true as const), timeout]);
  clearTimeout(timer);
  if (!isDrained) server.forceShutdown();
  return isDrained;
}
