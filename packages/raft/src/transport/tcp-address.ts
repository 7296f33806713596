/** Addresses of TCP peers: `"host:port"`, `"[IPv6]:port"`. */

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const MAX_PORT = 65_535;
const SHAPE = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]\s]+)):(\d{1,5})$/;

/**
 * @param leastPort 0 where any free port will do, to listen at
 * @throws RangeError for anything else than an address
 */
export function toHostPort(address: string, leastPort: 0 | 1 = 1): HostPort {
  const [, v6, name, digits] = SHAPE.exec(address) ?? [];
  const host = v6 ?? name;
  const port = Number(digits);
  if (host === undefined || port < leastPort || port > MAX_PORT) {
    throw new RangeError(`not an address like "host:port" or "[IPv6]:port": ${address}`);
  }
  return { host, port };
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
