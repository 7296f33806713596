/** One endpoint: its connection, and how long to leave it alone after it failed. */
import { type BackoffBounds, equalJitterMs } from "./backoff.js";
import type { LogEntry, Logger } from "./log.js";
import type { ClientPorts, Connection, Endpoint, OnLeader } from "./ports.js";

/** Waits between two attempts to connect to the same endpoint. */
const RECONNECT: BackoffBounds = { baseMs: 50, maxMs: 1_000 };
/** The same, as long as none has succeeded to an address that nobody has given: it may mean nothing from here. */
const FIRST_CONNECT: BackoffBounds = { baseMs: 50, maxMs: 30_000 };

/** Milliseconds without a word, while calls wait, after which others are better asked; then one call in as many finds out. */
const SILENT_MS = 1_000;

export interface LinkOptions {
  readonly connectTimeoutMs: number;
  readonly onLeader: OnLeader;
  readonly logger: Logger;
  /**
   * Of an endpoint that a node has named, not the user: checks that a node of the same cluster answers there. From here the
   * address may be that of another one. Rejects when it is not so.
   */
  readonly check?: ((connection: Connection, signal: AbortSignal) => Promise<void>) | undefined;
}

/** At most one connection and one attempt at a time. */
export class EndpointLink {
  private connection: Connection | undefined;
  private hasConnected = false;
  private attempt: Promise<Connection> | undefined;
  private readonly closing = new AbortController();
  // Failures since a call last succeeded on it.
  private failures = 0;
  /** Monotonic milliseconds before which this endpoint is to be left alone. */
  retryAtMs = Number.NEGATIVE_INFINITY;
  /** When a server was last heard to answer on this link, in monotonic milliseconds. */
  heardAtMs = Number.NEGATIVE_INFINITY;
  /** Since when something was asked and nothing heard; undefined when that is not so. */
  private waitingSinceMs: number | undefined;
  /** When a call may find out whether the server still is silent. */
  private probeAtMs = Number.NEGATIVE_INFINITY;
  /** Why it failed last, for messages. */
  lastProblem = "not tried";

  constructor(
    readonly endpoint: Endpoint,
    private readonly ports: ClientPorts,
    private readonly options: LinkOptions,
  ) {}

  /** The connection when there is one that takes calls. */
  up(): Connection | undefined {
    if (this.connection === undefined) return undefined;
    if (this.connection.isUp()) return this.connection;
    this.drop();
    return undefined;
  }

  /** Connects, or joins an attempt under way. Rejects when it cannot be had in time. */
  connect(): Promise<Connection> {
    const connection = this.up();
    if (connection !== undefined) return Promise.resolve(connection);
    this.attempt ??= this.open().finally(() => {
      this.attempt = undefined;
    });
    return this.attempt;
  }

  /** Connects, unless that is under way or was in vain a moment ago. Nobody waits for it. */
  connectMeanwhile(): void {
    if (this.attempt !== undefined || this.ports.clock.monotonicMs() < this.retryAtMs) return;
    this.connect().catch(() => {
      // The next call that would go there tries again in time.
    });
  }

  /** A call is sent on it. */
  asked(nowMs: number): void {
    this.waitingSinceMs ??= nowMs;
  }

  /** Whether a call is better sent elsewhere. One now and then is not, to find out: to be asked once for each call. */
  isSilent(): boolean {
    if (this.waitingSinceMs === undefined) return false;
    const nowMs = this.ports.clock.monotonicMs();
    if (nowMs - this.waitingSinceMs < SILENT_MS) return false;
    if (nowMs < this.probeAtMs) return true;
    const isFirst = this.probeAtMs < this.waitingSinceMs;
    this.probeAtMs = nowMs + SILENT_MS;
    return isFirst;
  }

  /** A server answered: it works. */
  heard(): void {
    this.failures = 0;
    this.waitingSinceMs = undefined;
    this.heardAtMs = this.ports.clock.monotonicMs();
  }

  /**
   * A connection of this link does not work: drops it and leaves the endpoint alone for a while. A
   * thousand calls may fail with one connection; only the first to say so counts.
   */
  broke(connection: Connection, problem: string): void {
    if (connection !== this.connection) {
      connection.close();
      return;
    }
    this.failed(problem);
    this.log("warn", "connection-lost", `the connection is lost: ${problem}`);
  }

  private log(level: LogEntry["level"], event: LogEntry["event"], message: string): void {
    this.options.logger({ level, event, message, endpoint: this.endpoint.address });
  }

  private failed(problem: string): void {
    this.lastProblem = problem;
    this.failures += 1;
    const isStrange = this.options.check !== undefined && !this.hasConnected;
    const bounds = isStrange ? FIRST_CONNECT : RECONNECT;
    this.retryAtMs =
      this.ports.clock.monotonicMs() + equalJitterMs(this.ports.random, this.failures, bounds);
    this.drop();
  }

  /** Gives up what is open and under way, for good. */
  close(): void {
    this.closing.abort(new Error("the client is closed"));
    this.drop();
  }

  private drop(): void {
    this.waitingSinceMs = undefined;
    this.connection?.close();
    this.connection = undefined;
  }

  /** Closes a connection that is of no use. */
  private async accept(connection: Connection, signal: AbortSignal): Promise<void> {
    try {
      signal.throwIfAborted();
      await this.options.check?.(connection, signal);
      signal.throwIfAborted();
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private async open(): Promise<Connection> {
    const stop = new AbortController();
    const onClosing = (): void => stop.abort(this.closing.signal.reason);
    const { connectTimeoutMs, onLeader } = this.options;
    const cancelTimer = this.ports.clock.schedule(connectTimeoutMs, () => {
      stop.abort(new Error(`no answer within ${connectTimeoutMs} ms`));
    });
    this.closing.signal.addEventListener("abort", onClosing, { once: true });
    try {
      this.closing.signal.throwIfAborted();
      const connection = await this.ports.transport.connect(this.endpoint, stop.signal, onLeader);
      await this.accept(connection, stop.signal);
      this.connection = connection;
      this.hasConnected = true;
      this.log("debug", "connected", "connected");
      return connection;
    } catch (error) {
      this.failed(error instanceof Error ? error.message : String(error));
      if (!this.closing.signal.aborted) {
        this.log("warn", "connect-failed", `cannot connect: ${this.lastProblem}`);
      }
      throw error;
    } finally {
      cancelTimer();
      this.closing.signal.removeEventListener("abort", onClosing);
    }
  }
}
