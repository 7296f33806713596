/** Ports for nodes that are started later, and again. */
import { reservePort } from "../cluster/reserved-port.js";

/**
 * Different addresses of a host where nothing listens now.
 * @throws NodeError `NODE_ADDRESS`
 */
export async function freeAddresses(host: string, count: number): Promise<readonly string[]> {
  // All are held before the first is given back: the system would give the same one twice.
  const ports = await Promise.all(Array.from({ length: count }, () => reservePort(`${host}:0`)));
  await Promise.all(ports.map((port) => port.release()));
  return ports.map(({ address }) => address);
}
