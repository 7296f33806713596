/** Servers that are none, and ports where nobody is. */
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A server that is no node. */
export interface Stranger {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** A TCP server that accepts and never answers. */
export async function openBlackhole(): Promise<Stranger> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  const port = await listen(server);
  return {
    endpoint: `127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server that speaks HTTP/1.1 and nothing else, as something on the wrong port may. */
export async function openHttpServer(): Promise<Stranger> {
  const server = createHttpServer();
  const port = await listen(server);
  return {
    endpoint: `127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A way to a port that can go silent. What was sent into the silence is lost. */
export interface Proxy {
  readonly endpoint: string;
  /** From now on nothing passes, on connections old and new. */
  freeze(): void;
  /** New connections pass again; those from before stay dead. */
  thaw(): void;
  close(): Promise<void>;
}

export async function openProxy(toPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let frozen = false;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (frozen) return;
    const far = keep(connect(toPort, "127.0.0.1"));
    near.pipe(far);
    far.pipe(near);
  });
  const port = await listen(server);
  return {
    endpoint: `127.0.0.1:${port}`,
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    thaw() {
      frozen = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An address where nobody listens, at least for now. */
export async function unusedEndpoint(): Promise<string> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("no port"));
      else resolve(address.port);
    });
  });
}
