/** A server that answers at once and stores nothing, in a process of its own. Sends its port over IPC. */
import { KvServiceDefinition } from "@titan/proto";
import { createServer } from "nice-grpc";

const value = new Uint8Array(100).fill(0x61);
const answers = {
  put: () => Promise.resolve({ revision: 1 }),
  get: () => Promise.resolve({ found: true, value, revision: 1 }),
};
const { put, get } = KvServiceDefinition.methods;
const server = createServer();
server.add({ ...KvServiceDefinition, methods: { put, get } }, answers);
process.send?.(await server.listen("127.0.0.1:0"));
process.once("disconnect", () => server.forceShutdown());
