/**
 * Keeps the port for other nodes until the transport listens there: others are told the address long before, with
 * the port that the system chose where it says 0, and a port that is taken is found out before anything is founded.
 */
import { createServer } from "node:net";
import { splitAddress } from "../config/cluster-addresses.js";
import { NodeError } from "../node-error.js";

export interface ReservedPort {
  /** `HOST:PORT` with the actual port. */
  readonly address: string;
  /** Gives the port free, for whoever listens next. Idempotent. */
  release(): Promise<void>;
}

/** @throws NodeError `NODE_ADDRESS` */
export async function reservePort(address: string): Promise<ReservedPort> {
  const { host, port } = splitAddress(address);
  const server = createServer((socket) => socket.destroy());
  const found = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: host.replace(/^\[|\]$/g, ""), exclusive: true }, () => {
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : 0);
    });
  }).catch((cause: unknown) => {
    throw cannotListen(address, cause);
  });
  let released: Promise<void> | undefined;
  return {
    address: `${host}:${found}`,
    release: () => {
      released ??= new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      return released;
    },
  };
}

/** The refusal of an address for other nodes. */
export function cannotListen(address: string, cause: unknown): NodeError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const advice = why.includes("EADDRINUSE")
    ? "another program listens there: stop it, or choose another address with --raft-addr"
    : "choose an address of this machine with --raft-addr";
  return new NodeError("NODE_ADDRESS", `cannot listen on ${address}: ${why}; ${advice}`, { cause });
}
