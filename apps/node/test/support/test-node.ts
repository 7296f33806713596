/** A node in this process, on a port of its own and a directory that goes away, and a client of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterServiceDefinition, KvServiceDefinition } from "@titan/proto";
import {
  type Channel,
  type ChannelOptions,
  type Client,
  createChannel,
  createClientFactory,
} from "nice-grpc";
import { errorDetailsClientMiddleware } from "nice-grpc-error-details";
import { type NodeOptions, startNode } from "../../src/index.js";

/** Runs `body` with a directory that is removed afterwards. */
export async function withDirectory<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "titan-node-"));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A connection and what it reaches. */
export interface TestClient {
  readonly channel: Channel;
  readonly kv: Client<typeof KvServiceDefinition>;
  readonly cluster: Client<typeof ClusterServiceDefinition>;
}

/** Clients of the services at `address`; they throw RichClientError where the server sent details. */
export function connect(address: string, options: ChannelOptions = {}): TestClient {
  // A pool of its own: connections shared between tests would hide who closes what.
  const channel = createChannel(address, undefined, {
    "grpc.use_local_subchannel_pool": 1,
    ...options,
  });
  const factory = createClientFactory().use(errorDetailsClientMiddleware);
  return {
    channel,
    kv: factory.create(KvServiceDefinition, channel),
    cluster: factory.create(ClusterServiceDefinition, channel),
  };
}

/** Runs `body` with a node that does not sync, and a client. */
export async function withNode(
  body: (
    client: TestClient & { readonly node: Awaited<ReturnType<typeof startNode>> },
  ) => Promise<void>,
  options: NodeOptions = {},
): Promise<void> {
  await withDirectory(async (directory) => {
    const node = await startNode({
      ...{ grpcAddr: "127.0.0.1:0", dataDir: directory, sync: "never", shutdownTimeout: "2s" },
      ...{ shards: 4, ...options },
    });
    const client = connect(node.address);
    try {
      await body({ ...client, node });
    } finally {
      client.channel.close();
      await node.close();
    }
  });
}

const encoder = new TextEncoder();
export const bytes = (text: string): Uint8Array => encoder.encode(text);
