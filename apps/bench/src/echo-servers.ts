/** The servers that are compared, and a client of either. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { KvServiceDefinition } from "@titan/proto";
import { type Channel, createChannel, createClient } from "nice-grpc";

/** Bytes of each value. */
export const VALUE_BYTES = 100;
/** Keys in use; 16 bytes each. */
export const KEYS = 10_000;

/** What is measured. */
export type Operation = "put" | "get";

const nodePackage = createRequire(import.meta.url).resolve("@titan/node/package.json");
/** Script of titan-node. */
export const TITAN_NODE = join(dirname(nodePackage), "bin", "titan-node.js");
/** Script of the echo. */
export const ECHO_SERVER = join(import.meta.dirname, "echo-server.js");

/** The command line of titan-node. */
export function titanArguments(sync: "never" | "always", directory: string): string[] {
  return [
    ...["--grpc-addr", "127.0.0.1:0", "--log-level", "warn"],
    ...["--sync", sync, "--data-dir", directory],
  ];
}

/** A connection. Each operation takes a number that grows, and asks for a key that it picks. */
export interface Connection {
  readonly channel: Channel;
  readonly operations: Readonly<Record<Operation, (sequence: number) => Promise<unknown>>>;
}

const value = Buffer.alloc(VALUE_BYTES, "v");
const keys = Array.from({ length: KEYS }, (_, i) =>
  Buffer.from(`key-${String(i).padStart(12, "0")}`),
);
const keyAt = (sequence: number): Buffer => keys[(sequence * 7919) % KEYS] ?? value;

/** Connects to a server at `address`. */
export function connect(address: string): Connection {
  const channel = createChannel(address, undefined, { "grpc.use_local_subchannel_pool": 1 });
  const kv = createClient(KvServiceDefinition, channel);
  return {
    channel,
    operations: {
      put: (sequence) => kv.put({ key: keyAt(sequence), value }),
      get: (sequence) => kv.get({ key: keyAt(sequence) }),
    },
  };
}
