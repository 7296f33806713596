/** The other end of a connection, made by hand: says what it likes, when it likes. */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { encodeHello, type Hello, PROTOCOL_VERSION } from "../../../src/transport/tcp-handshake.js";
import { encodeRecords, type RecordKind } from "../../../src/transport/tcp-record.js";

export const CLUSTER = "hostile";

/** One turn of the event loop after another until something is so; the runner's timeout bounds it. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

export class RawPeer {
  readonly socket: Socket;
  received: Buffer = Buffer.alloc(0);
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  static async dial(address: string): Promise<RawPeer> {
    const port = Number(address.slice(address.lastIndexOf(":") + 1));
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    await once(socket, "connect");
    return new RawPeer(socket);
  }

  /** Dials, and shakes hands as `hello` says. */
  static async greet(address: string, hello: Partial<Hello> = {}): Promise<RawPeer> {
    const peer = await RawPeer.dial(address);
    peer.say(helloBytes(hello));
    await until(() => peer.received.length >= 28 || peer.isClosed);
    return peer;
  }

  say(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  record(kind: RecordKind, body: Uint8Array): void {
    this.say(Buffer.concat(encodeRecords([{ kind, body }])));
  }

  hangUp(): void {
    this.socket.destroy();
  }
}

export function helloBytes(hello: Partial<Hello> = {}): Buffer {
  const cluster = Buffer.from(CLUSTER);
  const version = PROTOCOL_VERSION;
  return encodeHello({ version, purpose: "frames", cluster, from: 2, to: 1, ...hello });
}

/** A port that takes connections and leaves it to the test what comes back. */
export class RawServer {
  readonly peers: RawPeer[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.peers.push(new RawPeer(socket)));
  }

  static async listen(): Promise<RawServer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RawServer(server);
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    for (const peer of this.peers) peer.hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
