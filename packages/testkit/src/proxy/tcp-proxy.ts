/**
 * Stands between those who dial a server and the server, and makes their network bad: userspace only, so that it needs
 * no rights. What happens to bytes is asked per connection and direction, as they come.
 *
 * A real network that loses everything looks the same to both ends: nothing arrives and nobody is told. So a
 * blocked direction holds its bytes, bounded by the sockets' own buffers, and lets them go when it is healed, as
 * TCP would by sending again. `sever` is the other kind of fault: both ends are told at once.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** From the one that dialled to the server, or back. */
export type Direction = "forth" | "back";

/** What the network does to bytes of one direction of one connection. */
export interface Weather {
  /** Nothing gets through, and nobody is told. */
  readonly isBlocked: boolean;
  /** How long bytes take, in milliseconds. They stay in order. */
  readonly delayMs: number;
}

export const FAIR: Weather = { isBlocked: false, delayMs: 0 };

/** A connection through the proxy. `dialler` is what `identify` made of its first bytes. */
export interface ProxiedConnection {
  readonly dialler: string | undefined;
}

export interface TcpProxyOptions {
  /** Where the server listens, `host:port`. */
  readonly target: string;
  /** What each direction of a connection is like. Asked again after {@link TcpProxy.changed}. */
  readonly weather?: (connection: ProxiedConnection, direction: Direction) => Weather;
  /** Tells who dials from the first bytes; undefined when it takes more of them, "" when it cannot be told. */
  readonly identify?: (bytes: Buffer) => string | undefined;
}

/** Bytes of one direction that wait for their delay to pass; then the sender has to wait. */
const MAX_DELAYED_BYTES = 1024 * 1024;

export class TcpProxy {
  readonly #options: TcpProxyOptions;
  readonly #server: Server;
  readonly #links = new Set<Link>();

  /** Listens on a free port of 127.0.0.1. */
  static async listen(options: TcpProxyOptions): Promise<TcpProxy> {
    // Half-open ends are passed on as such.
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TcpProxy(options, server);
  }

  private constructor(options: TcpProxyOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    server.on("connection", (socket) => this.#onConnection(socket));
  }

  /** What to dial instead of the target. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#links.size;
  }

  /** To be called when the weather has changed. */
  changed(): void {
    for (const link of this.#links) link.update();
  }

  /** Resets connections that are open now. */
  sever(isMeant: (connection: ProxiedConnection) => boolean = () => true): void {
    for (const link of this.#links) if (isMeant(link)) link.destroy();
  }

  async close(): Promise<void> {
    this.sever();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  #onConnection(socket: Socket): void {
    const link = new Link(socket, this.#options, () => this.#links.delete(link));
    this.#links.add(link);
  }
}

/** Both directions of a connection. */
class Link implements ProxiedConnection {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #options: TcpProxyOptions;
  readonly #flows: readonly Flow[];
  readonly #onClosed: () => void;
  dialler: string | undefined;
  #head: Buffer | undefined = Buffer.alloc(0);

  constructor(near: Socket, options: TcpProxyOptions, onClosed: () => void) {
    const separator = options.target.lastIndexOf(":");
    const [host, port] = [options.target.slice(0, separator), options.target.slice(separator + 1)];
    this.#near = near;
    this.#far = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
    this.#options = options;
    this.#onClosed = onClosed;
    const weather = (direction: Direction) => () => options.weather?.(this, direction) ?? FAIR;
    this.#flows = [
      new Flow(this.#near, this.#far, weather("forth")),
      new Flow(this.#far, this.#near, weather("back")),
    ];
    for (const socket of [this.#near, this.#far]) {
      // An end that fails or is gone altogether takes the other with it.
      socket.on("error", () => this.destroy());
      socket.once("close", () => this.destroy());
    }
    if (options.identify === undefined) this.#begin();
    else this.#near.on("readable", this.#onHead);
  }

  /** Looks at the first bytes, and puts them back. */
  readonly #onHead = (): void => {
    const chunk = this.#near.read() as Buffer | null;
    if (chunk === null || this.#head === undefined) return;
    this.#head = Buffer.concat([this.#head, chunk]);
    const dialler = this.#options.identify?.(this.#head);
    if (dialler === undefined) return;
    this.dialler = dialler;
    this.#near.off("readable", this.#onHead);
    this.#near.unshift(this.#head);
    this.#head = undefined;
    this.#begin();
  };

  #begin(): void {
    for (const flow of this.#flows) flow.begin();
  }

  update(): void {
    for (const flow of this.#flows) flow.update();
  }

  destroy(): void {
    this.#onClosed();
    for (const flow of this.#flows) flow.stop();
    for (const socket of [this.#near, this.#far]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }
}

/** One direction. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: () => Weather;
  readonly #delayed: { readonly dueMs: number; readonly chunk: Buffer | "end" }[] = [];
  #delayedBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isBegun = false;
  #isStopped = false;

  constructor(from: Socket, to: Socket, weather: () => Weather) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
  }

  begin(): void {
    this.#isBegun = true;
    this.#from.on("data", (chunk: Buffer) => this.#onChunk(chunk));
    this.#from.once("end", () => this.#onChunk("end"));
    this.#to.on("drain", () => this.update());
    this.update();
  }

  /** Reads and writes as far as the weather allows now. */
  update(): void {
    if (!this.#isBegun || this.#isStopped) return;
    const { isBlocked } = this.#weather();
    if (!isBlocked) this.#pass();
    const isFull = this.#to.writableNeedDrain || this.#delayedBytes >= MAX_DELAYED_BYTES;
    if (isBlocked || isFull) this.#from.pause();
    else this.#from.resume();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #onChunk(chunk: Buffer | "end"): void {
    const { delayMs } = this.#weather();
    this.#delayed.push({ dueMs: performance.now() + delayMs, chunk });
    this.#delayedBytes += chunk.length;
    this.update();
  }

  #pass(): void {
    clearTimeout(this.#timer);
    for (let [first] = this.#delayed; first !== undefined; [first] = this.#delayed) {
      const waitMs = first.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.update(), Math.ceil(waitMs));
        return;
      }
      this.#delayed.shift();
      this.#delayedBytes -= first.chunk.length;
      if (first.chunk === "end") this.#to.end();
      else this.#to.write(first.chunk);
    }
  }
}
