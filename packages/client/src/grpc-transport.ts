/**
 * The real transport: gRPC over HTTP/2 through nice-grpc.
 *
 * grpc-js channels reconnect by themselves with a back-off of their own, out of reach of a test and of a
 * pool that wants to choose between endpoints. So a channel here lives once: it connects, is up, and is
 * thrown away when it is not. All calls are sent on channels known to be up, which is what lets a refused
 * connection be told from a lost answer without reading messages.
 */
import {
  ClusterServiceDefinition,
  KvServiceDefinition,
  PipelineServiceDefinition,
  type ScanRequest,
  type ScanResponse,
  type WatchRequest,
  type WatchResponse,
} from "@titan/proto";
import {
  type Channel,
  ChannelCredentials,
  type Client,
  createChannel,
  createClient,
} from "nice-grpc";
import { type CallOptions, ClientError as GrpcError, Metadata } from "nice-grpc-common";
import { toRpcFailure } from "./grpc-failure.js";
import {
  isSmall,
  MakeApart,
  PIPELINED,
  Pipeline,
  type PipelineDeps,
  type PipelinedCall,
  type PipelinedMethod,
  type PipelineStream,
} from "./pipeline.js";
import type { Clock, Connection, Endpoint, OnLeader, Transport, UnaryCalls } from "./ports.js";

/** Bounds of the real transport, in bytes and milliseconds. */
export interface GrpcTransportOptions {
  readonly maxMessageBytes: number;
  readonly keepaliveMs: number;
  /** Whether calls on keys travel together. */
  readonly pipelining: boolean;
}

/** Connectivity states of a channel (gRPC core, connectivity-semantics-and-api.md). */
const READY = 2;
const TRANSIENT_FAILURE = 3;

/** Longer than any channel here lives while not connected: it must not retry by itself. */
const NEVER_RECONNECT_MS = 3_600_000;

/** A message of answers that is too large to be taken would break the stream under all that travel in it. */
const LEAST_PIPELINE_MESSAGE_BYTES = 8 * 1024 * 1024;

/** Milliseconds that an answer to a keepalive probe may take. */
const KEEPALIVE_TIMEOUT_MS = 5_000;

/** @param clock of the client */
export function createGrpcTransport(options: GrpcTransportOptions, clock: Clock): Transport {
  const pipelining = options.pipelining && options.maxMessageBytes >= LEAST_PIPELINE_MESSAGE_BYTES;
  const given = { ...options, pipelining, clock };
  return {
    connect: (endpoint, signal, onLeader) =>
      openConnection(endpoint, { ...given, onLeader }, signal),
  };
}

async function openConnection(
  endpoint: Endpoint,
  options: GrpcTransportOptions & { readonly clock: Clock; readonly onLeader: OnLeader },
  signal: AbortSignal,
): Promise<Connection> {
  const channel = createChannel(endpoint.address, ChannelCredentials.createInsecure(), {
    "grpc.max_send_message_length": options.maxMessageBytes,
    "grpc.max_receive_message_length": options.maxMessageBytes,
    "grpc.keepalive_time_ms": options.keepaliveMs,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.initial_reconnect_backoff_ms": NEVER_RECONNECT_MS,
    "grpc.max_reconnect_backoff_ms": NEVER_RECONNECT_MS,
    // Subchannels are shared by all channels of a process otherwise, and their back-off with them.
    "grpc.use_local_subchannel_pool": 1,
    // Without a service config gRPC sends again only what HTTP/2 says the server never looked at. Which
    // other calls may be retried is this package's business.
    "grpc.service_config_disable_resolution": 1,
    // A proxy meant for the web (http_proxy in the environment) is not meant for a database.
    "grpc.enable_http_proxy": 0,
  });
  const connection = new GrpcConnection(channel, options);
  try {
    await untilUp(channel, signal);
    return connection;
  } catch (error) {
    const problem = signal.aborted ? error : await connection.explainRefusal(signal);
    connection.close();
    throw problem;
  }
}

/** Resolves when the channel is ready; rejects when it failed or `signal` fired. */
function untilUp(channel: Channel, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    const look = (): void => {
      if (signal.aborted) return;
      const state = channel.getConnectivityState(true);
      const number: number = state;
      if (number === READY || number === TRANSIENT_FAILURE) {
        signal.removeEventListener("abort", stop);
        if (number === READY) resolve();
        else reject(new Error("refused"));
        return;
      }
      channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
    };
    if (signal.aborted) {
      stop();
      return;
    }
    signal.addEventListener("abort", stop, { once: true });
    look();
  });
}

/** Why a channel could not connect, out of the many words of a call on it. */
function reasonIn(details: string): string {
  const inner = /Last error: (.+?)\.? Resolution note:/s.exec(details)?.[1] ?? details;
  // With the time of it, as grpc-js has it: "Error: connect ECONNREFUSED …", "Protocol error (2026-…)".
  const reason = inner.replace(/^Error: /, "").replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)$/, "");
  return reason === "Protocol error" ? "what listens there does not speak gRPC" : reason;
}

/** Eight digits are all that the protocol takes: more than a day, in milliseconds. */
const MAX_TIMEOUT_MS = 99_999_999;

/**
 * A deadline as gRPC carries it (gRPC over HTTP/2, "Timeout"). nice-grpc has no option for it, and needs none: calls
 * end by their signal here, and the server is only told.
 */
function toGrpcTimeout(timeLeftMs: number): string {
  return `${Math.min(MAX_TIMEOUT_MS, Math.max(1, Math.ceil(timeLeftMs)))}m`;
}

/** Calls of ClusterService; all others are of KvService. */
const CLUSTER_CALLS: ReadonlySet<keyof UnaryCalls> = new Set([
  ...(["getStatus", "getClusterMap", "leave", "setBalancer", "transferLeader"] as const),
  ...(["listKeyspaces", "createKeyspace", "dropKeyspace"] as const),
]);

const PIPELINED_METHODS: ReadonlySet<string> = new Set(PIPELINED);

function isPipelined(method: keyof UnaryCalls): method is PipelinedMethod {
  return PIPELINED_METHODS.has(method);
}

/** What a server streams, with its failures as the port's. */
async function* frames<Frame>(
  open: (options: CallOptions) => AsyncIterable<Frame>,
  signal: AbortSignal,
): AsyncGenerator<Frame, void> {
  let trailer: Metadata | undefined;
  const options = {
    signal,
    onTrailer(received: Metadata): void {
      trailer = received;
    },
  };
  try {
    yield* open(options);
  } catch (error) {
    throw await toRpcFailure(error, trailer);
  }
}

class GrpcConnection implements Connection {
  private readonly kv: Client<KvServiceDefinition>;
  private readonly cluster: Client<ClusterServiceDefinition>;
  private closed = false;
  private readonly stream: PipelineStream;
  private pipeline: Pipeline | undefined;
  /** The server knows no pipelines. */
  private isUnaryOnly = false;
  private isServerStopping = false;

  constructor(
    private readonly channel: Channel,
    private readonly options: Pick<GrpcTransportOptions, "pipelining"> & PipelineDeps,
  ) {
    this.kv = createClient(KvServiceDefinition, channel);
    this.cluster = createClient(ClusterServiceDefinition, channel);
    const pipelines = createClient(PipelineServiceDefinition, channel);
    this.stream = {
      open: (requests, signal) => frames((call) => pipelines.pipeline(requests, call), signal),
    };
  }

  call<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    signal: AbortSignal,
    timeLeftMs: number,
  ): Promise<UnaryCalls[M][1]> {
    const isAlone = !this.options.pipelining || this.isUnaryOnly || !isPipelined(method);
    if (isAlone) return this.callAlone(method, request, signal, timeLeftMs);
    const call = { $case: method, value: request } as PipelinedCall;
    if (!isSmall(call)) return this.callAlone(method, request, signal, timeLeftMs);
    return this.currentPipeline()
      .call(call, signal, timeLeftMs)
      .catch((error: unknown) => {
        if (!(error instanceof MakeApart)) throw error;
        if (error.why === "not-supported") this.isUnaryOnly = true;
        return this.callAlone(method, request, signal, timeLeftMs);
      }) as Promise<UnaryCalls[M][1]>;
  }

  private currentPipeline(): Pipeline {
    if (this.pipeline === undefined || this.pipeline.isOver) {
      this.pipeline = new Pipeline(this.stream, this.options);
    }
    return this.pipeline;
  }

  private async callAlone<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    signal: AbortSignal,
    timeLeftMs: number,
  ): Promise<UnaryCalls[M][1]> {
    let trailer: Metadata | undefined;
    const options = {
      signal,
      metadata: Metadata({ "grpc-timeout": toGrpcTimeout(timeLeftMs) }),
      onTrailer(received: Metadata): void {
        trailer = received;
      },
    };
    const send = this.sender(method);
    try {
      return await send(request, options);
    } catch (error) {
      throw await toRpcFailure(error, trailer);
    }
  }

  scan(request: ScanRequest, signal: AbortSignal): AsyncGenerator<ScanResponse, void> {
    return frames((options) => this.kv.scan(request, options), signal);
  }

  watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchResponse, void> {
    return frames((options) => this.kv.watch(request, options), signal);
  }

  isUp(): boolean {
    // It would refuse them.
    this.isServerStopping ||= this.pipeline?.isServerStopping === true;
    if (this.closed || this.isServerStopping) return false;
    return (this.channel.getConnectivityState(false) as number) === READY;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pipeline?.close();
    this.channel.close();
  }

  /** Why the channel failed to connect: it only tells a call, which fails at once. */
  async explainRefusal(signal: AbortSignal): Promise<Error> {
    try {
      await this.cluster.getStatus({}, { signal });
      return new Error("the connection failed");
    } catch (error) {
      if (!(error instanceof GrpcError))
        return new Error("the connection failed", { cause: error });
      return new Error(reasonIn(error.details), { cause: error });
    }
  }

  private sender<M extends keyof UnaryCalls>(method: M) {
    type Send = (
      request: UnaryCalls[M][0],
      options: { signal: AbortSignal; metadata: Metadata; onTrailer(trailer: Metadata): void },
    ) => Promise<UnaryCalls[M][1]>;
    const client = CLUSTER_CALLS.has(method) ? this.cluster : this.kv;
    return (client as unknown as Readonly<Record<M, Send>>)[method];
  }
}
