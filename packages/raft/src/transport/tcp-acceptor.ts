/**
 * Listens, and shakes hands with whoever dials. Until that is done a connection is one of at most
 * `maxHandshakes`, and has `handshakeTimeoutMs` in all, however busily it sends.
 */

import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { toNodeId } from "../core/ids.js";
import { RaftTransportError, wordsOf } from "./errors.js";
import { formatHostPort, toHostPort } from "./tcp-address.js";
import { isAuthorized } from "./tcp-authorize.js";
import type { AgreedSocket } from "./tcp-connection.js";
import type { TcpFault } from "./tcp-faults.js";
import {
  decodeHello,
  encodeWelcome,
  type Hello,
  PROTOCOL_VERSION,
  type Verdict,
} from "./tcp-handshake.js";
import type { TcpContext } from "./tcp-options.js";

export interface TcpAcceptorEvents {
  /** Whether the dialling node is known, and has room for what it wants. */
  judge(hello: Hello): Verdict;
  onAgreed(hello: Hello, agreed: AgreedSocket): void;
}

/** A connection on its way to agreement. */
interface Newcomer {
  /** As it came in: below TLS, if there is any. */
  readonly raw: Socket;
  readonly cancelTimeout: () => void;
  /** It has its answer, and is let go as soon as it has read it. */
  isRefused: boolean;
}

export class TcpAcceptor {
  readonly #context: TcpContext;
  readonly #events: TcpAcceptorEvents;
  readonly #server: Server;
  /** By address, the oldest first. */
  readonly #newcomers = new Map<string, Newcomer>();

  constructor(context: TcpContext, events: TcpAcceptorEvents) {
    this.#context = context;
    this.#events = events;
    const { tls, limits } = context;
    if (tls === undefined) {
      this.#server = createServer({ noDelay: true }, (socket) => this.#greet(socket));
    } else {
      const requestCert = tls.ca !== undefined;
      const handshakeTimeout = limits.handshakeTimeoutMs;
      const options = { requestCert, ...tls, noDelay: true, handshakeTimeout };
      this.#server = createTlsServer(options, (socket) => this.#greet(socket));
      this.#server.on("tlsClientError", (error: Error, socket: Socket) => {
        this.#note("unauthorized", socket, wordsOf(error));
      });
    }
    // Before TLS begins: a connection counts from its first packet.
    this.#server.prependListener("connection", (socket: Socket) => this.#admit(socket));
  }

  /** Where others reach this end; the empty string while it does not listen. */
  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") return "";
    return formatHostPort({ host: address.address, port: address.port });
  }

  /** @throws RaftTransportError `RAFT_TRANSPORT_LISTEN_FAILED` */
  async listen(): Promise<void> {
    const { host, port } = toHostPort(this.#context.listen, 0);
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => {
        const message = `cannot listen at ${this.#context.listen}: ${cause.message}`;
        const code = "RAFT_TRANSPORT_LISTEN_FAILED";
        reject(new RaftTransportError({ code, message }, { cause }));
      };
      this.#server.once("error", onError);
      this.#server.listen({ host, port }, () => {
        this.#server.off("error", onError);
        // Such as too many open files: this connection is lost, the server goes on.
        this.#server.on("error", () => undefined);
        resolve();
      });
    });
  }

  /** Listens no more. Resolves when all connections that came in, agreed on or not, have ended. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const { raw } of this.#newcomers.values()) raw.destroy();
    await closed;
  }

  #admit(raw: Socket): void {
    raw.on("error", () => undefined);
    const key = keyOf(raw);
    if (key === undefined) {
      raw.destroy();
      return;
    }
    const { clock, limits } = this.#context;
    const cancelTimeout = clock.schedule(limits.handshakeTimeoutMs, () => {
      if (!newcomer.isRefused) this.#note("handshake-timeout", raw, "no hello in time");
      raw.destroy();
    });
    const newcomer: Newcomer = { raw, cancelTimeout, isRefused: false };
    raw.once("close", () => this.#release(key, newcomer));
    this.#newcomers.set(key, newcomer);
    if (this.#newcomers.size > limits.maxHandshakes) this.#makeRoom();
  }

  #makeRoom(): void {
    for (const [key, newcomer] of this.#newcomers) {
      if (!newcomer.isRefused) this.#note("handshake-flood", newcomer.raw, "too many at once");
      this.#release(key, newcomer);
      newcomer.raw.destroy();
      return;
    }
  }

  #release(key: string, newcomer: Newcomer): void {
    newcomer.cancelTimeout();
    if (this.#newcomers.get(key) === newcomer) this.#newcomers.delete(key);
  }

  #greet(socket: Socket): void {
    socket.on("error", () => undefined);
    const key = keyOf(socket);
    const newcomer = key === undefined ? undefined : this.#newcomers.get(key);
    if (key === undefined || newcomer === undefined) {
      socket.destroy();
      return;
    }
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const decoded = decodeHello(received);
      if (decoded === undefined) return;
      socket.off("data", onData);
      if ("fault" in decoded) {
        this.#note(decoded.fault, socket, "the handshake failed");
        // Who speaks another version is told of this one; who speaks something else, nothing.
        if (decoded.fault === "wrong-version") this.#refuse(socket, newcomer, decoded.fault, 0);
        else socket.destroy();
        return;
      }
      const hello = decoded.message;
      const verdict = this.#judge(hello, socket);
      if (verdict !== "welcome") {
        this.#note(verdict, socket, `node ${hello.from} dialled node ${hello.to}`);
        this.#refuse(socket, newcomer, verdict, hello.from);
        return;
      }
      this.#release(key, newcomer);
      socket.pause();
      socket.write(this.#welcome(verdict, hello.from));
      this.#events.onAgreed(hello, { socket, rest: received.subarray(decoded.length) });
    };
    socket.on("data", onData);
  }

  #judge(hello: Hello, socket: Socket): Verdict {
    const { cluster, nodeId, tls } = this.#context;
    if (!cluster.equals(hello.cluster)) return "wrong-cluster";
    if (hello.to !== nodeId) return "wrong-node";
    const verdict = this.#events.judge(hello);
    if (verdict !== "welcome" || tls?.authorize === undefined) return verdict;
    const certificate = (socket as TLSSocket).getPeerCertificate();
    const isMeant = isAuthorized(tls.authorize, toNodeId(hello.from), certificate);
    return isMeant ? "welcome" : "unauthorized";
  }

  /** Says why, and waits for the other end to hang up: closing first could destroy what was said. */
  #refuse(socket: Socket, newcomer: Newcomer, verdict: Verdict, from: number): void {
    newcomer.isRefused = true;
    socket.end(this.#welcome(verdict, from));
    socket.resume();
  }

  #welcome(verdict: Verdict, to: number): Buffer {
    const { nodeId: from } = this.#context;
    return encodeWelcome({ version: PROTOCOL_VERSION, verdict, from, to });
  }

  #note(fault: TcpFault, socket: Socket, message: string): void {
    const { remoteAddress: address } = socket;
    this.#context.faults.add(fault, { ...(address === undefined ? {} : { address }), message });
  }
}

/** Where a connection comes from: no two that are open come from the same place. */
function keyOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
