/** Asks the user's own code, in the middle of a socket's event, whether a certificate is a node's. */

import type { PeerCertificate } from "node:tls";
import type { NodeId } from "../core/ids.js";
import type { TcpTlsOptions } from "./tcp-options.js";

/** Without a rule everybody is. One that throws says no: out of here, it would end the process. */
export function isAuthorized(
  authorize: TcpTlsOptions["authorize"],
  peer: NodeId,
  certificate: PeerCertificate,
): boolean {
  if (authorize === undefined) return true;
  try {
    return authorize(peer, certificate);
  } catch {
    return false;
  }
}
