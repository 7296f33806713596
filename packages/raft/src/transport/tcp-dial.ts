/** Dials a peer and shakes hands with it. */

import { createConnection, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { NodeId } from "../core/ids.js";
import { RaftTransportError } from "./errors.js";
import { toHostPort } from "./tcp-address.js";
import { isAuthorized } from "./tcp-authorize.js";
import type { AgreedSocket } from "./tcp-connection.js";
import type { TcpFault } from "./tcp-faults.js";
import {
  decodeWelcome,
  encodeHello,
  PROTOCOL_VERSION,
  type Purpose,
  type Welcome,
} from "./tcp-handshake.js";
import type { TcpContext } from "./tcp-options.js";
import type { PeerAddress } from "./transport.js";

export interface DialTarget {
  readonly peer: NodeId;
  readonly address: PeerAddress;
  readonly purpose: Purpose;
}

/**
 * Resolves when the peer has agreed to talk.
 * @param signal gives up
 * @throws RaftTransportError `RAFT_TRANSPORT_UNREACHABLE`, `RAFT_TRANSPORT_STREAM_LIMIT`
 */
export function dial(
  context: TcpContext,
  target: DialTarget,
  signal: AbortSignal,
): Promise<AgreedSocket> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => attempt.fail("given up");
    const attempt = new DialAttempt(context, target, {
      resolve,
      reject,
      onSettled: () => signal.removeEventListener("abort", giveUp),
    });
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
  });
}

interface Settle {
  resolve(agreed: AgreedSocket): void;
  reject(error: RaftTransportError): void;
  onSettled(): void;
}

class DialAttempt {
  readonly #context: TcpContext;
  readonly #target: DialTarget;
  readonly #settle: Settle;
  readonly #socket: Socket;
  readonly #cancelTimeout: () => void;
  #received = Buffer.alloc(0);
  #isSettled = false;

  constructor(context: TcpContext, target: DialTarget, settle: Settle) {
    this.#context = context;
    this.#target = target;
    this.#settle = settle;
    const { clock, limits } = context;
    this.#cancelTimeout = clock.schedule(limits.handshakeTimeoutMs, () => {
      this.fail("no answer in time", "handshake-timeout");
    });
    this.#socket = this.#connect();
    this.#socket.on("error", (error: Error) => this.fail(describe(error)));
    this.#socket.once("close", () => this.fail("the connection was closed within the handshake"));
    this.#socket.on("data", this.#onData);
  }

  /** Ends the attempt, unless it is over. */
  fail(why: string, fault?: TcpFault): void {
    if (this.#isSettled) return;
    this.#finish();
    this.#socket.destroy();
    const { peer, address } = this.#target;
    const message = `node ${peer} at ${address}: ${why}`;
    if (fault !== undefined) this.#context.faults.add(fault, { peer, address, message });
    const isLimit = fault === "stream-limit";
    const code = isLimit ? "RAFT_TRANSPORT_STREAM_LIMIT" : "RAFT_TRANSPORT_UNREACHABLE";
    this.#settle.reject(new RaftTransportError({ code, message }));
  }

  #connect(): Socket {
    const { tls } = this.#context;
    const hostPort = toHostPort(this.#target.address);
    if (tls === undefined) {
      const socket = createConnection({ ...hostPort, noDelay: true }, () => this.#greet());
      return socket;
    }
    const { servername = hostPort.host } = tls;
    const name = isIP(servername) === 0 ? { servername } : {};
    const socket = connectTls({ ...tls, ...name, ...hostPort }, () => {
      if (this.#isAuthorized(socket)) this.#greet();
    });
    socket.setNoDelay(true);
    return socket;
  }

  #isAuthorized(socket: TLSSocket): boolean {
    const authorize = this.#context.tls?.authorize;
    const isMeant = isAuthorized(authorize, this.#target.peer, socket.getPeerCertificate());
    if (!isMeant) this.fail("its certificate is another node's", "unauthorized");
    return isMeant;
  }

  #greet(): void {
    const { cluster, nodeId: from } = this.#context;
    const { peer: to, purpose } = this.#target;
    this.#socket.write(encodeHello({ version: PROTOCOL_VERSION, purpose, cluster, from, to }));
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isSettled) return;
    this.#received = Buffer.concat([this.#received, chunk]);
    const decoded = decodeWelcome(this.#received);
    if (decoded === undefined) return;
    if ("fault" in decoded) this.fail(`its answer is no welcome: ${decoded.fault}`, decoded.fault);
    else this.#hear(decoded.message, this.#received.subarray(decoded.length));
  };

  #hear({ verdict, from, to }: Welcome, rest: Buffer): void {
    const { peer } = this.#target;
    if (from !== peer) this.fail(`node ${from} answers there`, "wrong-node");
    else if (verdict !== "welcome") this.fail(`it refuses this node: ${verdict}`, verdict);
    else if (to !== this.#context.nodeId) this.fail("it answers somebody else", "bad-handshake");
    else this.#agree(rest);
  }

  #agree(rest: Buffer): void {
    this.#finish();
    this.#socket.pause();
    this.#socket.off("data", this.#onData);
    this.#settle.resolve({ socket: this.#socket, rest });
  }

  #finish(): void {
    this.#isSettled = true;
    this.#cancelTimeout();
    this.#settle.onSettled();
  }
}

/** A name with several addresses that all fail gives one error without words of its own. */
function describe(error: NodeJS.ErrnoException): string {
  return error.message === "" ? (error.code ?? error.name) : error.message;
}
