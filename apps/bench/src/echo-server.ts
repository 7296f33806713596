/**
 * The yardstick: a nice-grpc server that takes Titan's messages and does nothing with them. What it
 * cannot do, no server on this stack can. It has the node's own server options.
 *
 * Sends `{ type: "listening", address }` to its parent, as titan-node does.
 */
import { KvServiceDefinition } from "@titan/proto";
import { createServer, type ServiceImplementation } from "nice-grpc";
import { VALUE_BYTES } from "./echo-servers.js";

const found = {
  ...{ found: true, value: Buffer.alloc(VALUE_BYTES, "v"), revision: 123_456 },
  ...{ ttlMs: undefined, shard: 0, shardRevision: 123_456 },
};
const written = { revision: 123_456, shard: 0 };

const none = () => {
  throw new Error("the echo serves put and get");
};
const service: ServiceImplementation<typeof KvServiceDefinition> = {
  put: () => Promise.resolve(written),
  get: () => Promise.resolve(found),
  ...{ delete: none, batch: none, compareAndSet: none, increment: none, txn: none },
  ...{ scan: none, watch: none, openSession: none, closeSession: none },
};

const server = createServer({
  "grpc.max_receive_message_length": 4 * 1024 * 1024,
  "grpc.max_send_message_length": -1,
  "grpc.max_concurrent_streams": 2048,
  "grpc.enable_channelz": 0,
});
server.add(KvServiceDefinition, service);
const port = await server.listen("127.0.0.1:0");
process.send?.({ type: "listening", address: `127.0.0.1:${port}` });
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
