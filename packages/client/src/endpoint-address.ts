/** What users write as the address of a node. */
import type { Endpoint } from "./ports.js";

/** Where a node listens unless told otherwise. */
export const DEFAULT_PORT = 7420;

const SHAPE = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(?:\[([^\]]+)\]|([^:/?#@[\]\s]+))(?::(\d{1,5}))?\/?$/i;

/**
 * Reads `host:port`, `host`, `[::1]:port`, each with or without `http://` before it.
 * @throws TypeError when it is not a string
 * @throws RangeError when it has another form, a port outside `[1, 65535]` or another scheme
 */
export function parseEndpoint(text: string): Endpoint {
  if (typeof text !== "string") throw new TypeError(`an endpoint is a string, not ${typeof text}`);
  const match = SHAPE.exec(text);
  if (match === null) {
    throw new RangeError(`an endpoint looks like "127.0.0.1:${DEFAULT_PORT}", not "${text}"`);
  }
  const [, scheme, bracketed, plain, portText] = match;
  if (scheme !== undefined && scheme.toLowerCase() !== "http") {
    const why =
      scheme.toLowerCase() === "https" ? "TLS is not supported yet" : "only http:// is known";
    throw new RangeError(`the endpoint "${text}" has the scheme ${scheme}://: ${why}`);
  }
  const port = portText === undefined ? DEFAULT_PORT : Number(portText);
  if (port < 1 || port > 65_535) {
    throw new RangeError(`the endpoint "${text}" has a port outside 1 to 65535`);
  }
  const host = (bracketed ?? plain ?? "").toLowerCase();
  return { host, port, address: bracketed === undefined ? `${host}:${port}` : `[${host}]:${port}` };
}
