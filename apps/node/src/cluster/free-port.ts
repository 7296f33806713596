/** Port 0 for the Raft transport: others are told the address before anything listens there. */
import { createServer } from "node:net";
import { splitAddress } from "../config/cluster-addresses.js";
import { NodeError } from "../node-error.js";

/**
 * The address, with a port that is free at the moment where it says 0.
 * @throws NodeError `NODE_ADDRESS`
 */
export async function withPort(address: string): Promise<string> {
  const { host, port } = splitAddress(address);
  if (port !== 0) return address;
  const server = createServer();
  const found = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host.replace(/^\[|\]$/g, ""), () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
    });
  }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NodeError("NODE_ADDRESS", `cannot listen on ${address}: ${why}`, { cause });
  });
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  return `${host}:${found}`;
}
