/** Where a node listens, and where it tells others to dial. */
import type { Settings } from "./settings.js";

/** What of the settings decides. */
export type AddressSettings = Pick<
  Settings,
  "grpcAddr" | "raftAddr" | "advertiseGrpcAddr" | "advertiseRaftAddr"
>;

const WILDCARD_HOSTS: ReadonlySet<string> = new Set(["0.0.0.0", "[::]", "[::0]"]);

/** `HOST:PORT` in two; the host of IPv6 keeps its brackets. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}

/** Where to listen for other nodes: beside the port for clients unless told otherwise. */
export function raftListenAddress({ grpcAddr, raftAddr }: AddressSettings): string {
  if (raftAddr !== undefined) return raftAddr;
  const { host, port } = splitAddress(grpcAddr);
  if (port === 0) return `${host}:0`;
  // The last port of all has none after it.
  return `${host}:${port === 65_535 ? port - 1 : port + 1}`;
}

/**
 * What to tell others to dial.
 * @param bound the address listened on, with its actual port
 * @param given what the person who runs the node said; port 0 in it stands for the actual port
 */
export function advertisedAddress(
  bound: string,
  given: string | undefined,
  hostname: string,
): string {
  const { host, port } = splitAddress(bound);
  if (given !== undefined) {
    const wanted = splitAddress(given);
    return wanted.port === 0 ? `${wanted.host}:${port}` : given;
  }
  return WILDCARD_HOSTS.has(host) ? `${hostname}:${port}` : bound;
}
