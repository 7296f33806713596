/** @titan/client against a node in this process. */
import { type ClientOptions, isClientError, TitanClient } from "@titan/client";
import { type NodeOptions, startNode } from "../../src/index.js";
import { withDirectory } from "./test-node.js";

type MoreOptions = Omit<ClientOptions, "endpoints" | "values" | "keys">;

/** A node that can be stopped in an orderly way and started again at the same address, and its client. */
export interface TitanRig {
  readonly client: TitanClient;
  readonly address: string;
  /** The same node through a client with other options; closed with the rig. */
  readonly connect: (options: MoreOptions) => TitanClient;
  readonly restart: () => Promise<void>;
}

/** Runs `body` with a node that does not sync, unless told to, and a client with time enough. */
export async function withTitan(
  body: (rig: TitanRig) => Promise<void>,
  options: NodeOptions = {},
): Promise<void> {
  await withDirectory(async (dataDir) => {
    const settings = {
      dataDir,
      sync: "never" as const,
      shutdownTimeout: "5s",
      raftAddr: "127.0.0.1:0",
      ...options,
    };
    let node = await startNode({ ...settings, grpcAddr: "127.0.0.1:0" });
    const { address } = node;
    const clients: TitanClient[] = [];
    const connect = (more: MoreOptions): TitanClient => {
      const client = new TitanClient({ endpoints: [address], timeoutMs: 25_000, ...more });
      clients.push(client);
      return client;
    };
    const restart = async (): Promise<void> => {
      await node.close();
      node = await startNode({ ...settings, grpcAddr: address });
    };
    try {
      await body({ client: connect({}), address, connect, restart });
    } finally {
      await Promise.all(clients.map((client) => client.close()));
      await node.close();
    }
  });
}

/** What a call came to. Anything but an answer or a typed error is thrown on. */
export type Outcome = "applied" | "not-applied" | "unknown";

/** Awaits a write and says what is known of it. */
export async function outcomeOf(write: Promise<unknown>): Promise<Outcome> {
  try {
    await write;
    return "applied";
  } catch (error) {
    if (isClientError(error)) return error.outcome;
    throw error;
  }
}
