/** Whether somebody else listens where a local cluster wants to. */
import { createServer } from "node:net";
import { splitAddress } from "../config/cluster-addresses.js";
import type { DevNode } from "./dev-plan.js";

/** @returns what to tell the user; `undefined` when all ports can be had */
export async function portInUse(nodes: readonly DevNode[]): Promise<string | undefined> {
  for (const { id, grpcAddr, raftAddr } of nodes) {
    for (const address of [grpcAddr, raftAddr]) {
      const code = await refusalOf(address);
      if (code === undefined) continue;
      if (code !== "EADDRINUSE") return `cannot listen on ${address} for ${id}: ${code}`;
      return (
        `${address}, which ${id} needs, is in use: perhaps this cluster runs already, in another terminal. Stop what ` +
        "runs there, or run another cluster beside it, such as --grpc-addr 127.0.0.1:7520 --data-dir .titan/other"
      );
    }
  }
  return undefined;
}

function refusalOf(address: string): Promise<string | undefined> {
  const { host, port } = splitAddress(address);
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    server.listen(port, host.replace(/^\[|\]$/g, ""), () => {
      server.close(() => resolve(undefined));
    });
  });
}
