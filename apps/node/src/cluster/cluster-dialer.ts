/** Calls to nodes that do not share a cluster with this one yet: over gRPC, as there is no other way to them. */
import {
  ClusterServiceDefinition,
  type DeepPartial,
  type HelloRequest,
  type HelloResponse,
  type JoinRequest,
  type JoinResponse,
} from "@titan/proto";
import { ClientError, createChannel, createClient, Status, waitForChannelReady } from "nice-grpc";

/** Why a node could not be asked, or said no. */
export class DialFailure extends Error {
  override readonly name: string = "DialFailure";
  /** It will say so again, as long as nobody changes something. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal: boolean, options?: ErrorOptions) {
    super(message, options);
    this.isFinal = isFinal;
  }
}

export interface ClusterDialer {
  /** @throws DialFailure */
  hello(address: string, request: DeepPartial<HelloRequest>): Promise<HelloResponse>;
  /** @throws DialFailure */
  join(address: string, request: DeepPartial<JoinRequest>): Promise<JoinResponse>;
}

const CONNECT_MS = 1_500;
const TIMEOUT_MS = 5_000;
const FINAL: ReadonlySet<Status> = new Set([
  Status.ALREADY_EXISTS,
  Status.FAILED_PRECONDITION,
  Status.INVALID_ARGUMENT,
  Status.UNIMPLEMENTED,
]);

/** Over the network. Each call has a connection of its own: there are few. */
export const grpcDialer: ClusterDialer = {
  hello: (address, request) => call(address, (client, signal) => client.hello(request, { signal })),
  join: (address, request) => call(address, (client, signal) => client.join(request, { signal })),
};

type Client = ReturnType<typeof createClient<typeof ClusterServiceDefinition>>;

async function call<Response>(
  address: string,
  ask: (client: Client, signal: AbortSignal) => Promise<Response>,
): Promise<Response> {
  // Where nobody listens a channel goes on trying: who calls tries again anyway.
  const channel = createChannel(address, undefined, { "grpc.enable_channelz": 0 });
  try {
    const deadline = new Date(Date.now() + CONNECT_MS);
    await waitForChannelReady(channel, deadline);
    const client = createClient(ClusterServiceDefinition, channel);
    return await ask(client, AbortSignal.timeout(TIMEOUT_MS));
  } catch (error) {
    if (error instanceof ClientError) {
      throw new DialFailure(error.details, FINAL.has(error.code), { cause: error });
    }
    throw new DialFailure("it does not answer", false, { cause: error });
  } finally {
    channel.close();
  }
}
