/** The way from clients to a test server: the client's transport port, within the process. */
import {
  ClusterServiceDefinition,
  KvServiceDefinition,
  type MessageType,
  type ScanRequest,
  type ScanResponse,
  type WatchRequest,
  type WatchResponse,
} from "@titan/proto";
import type { Clock, Connection, Transport, UnaryCalls } from "../ports.js";
import { type FaultPlan, isWrite, type TestMethod } from "./fault-plan.js";
import type { MemoryCalls } from "./memory-calls.js";
import { scanPage } from "./memory-scan.js";
import { watchFrames } from "./memory-watch.js";
import type { MemoryState } from "./memory-writes.js";
import { connectionLost, failureOf, Refusal } from "./refusal.js";
import { checkMessage } from "./request-limits.js";

export interface MemoryTransportDeps {
  readonly state: MemoryState;
  readonly calls: MemoryCalls;
  readonly faults: FaultPlan;
  readonly clock: Clock;
}

const METHODS = { ...KvServiceDefinition.methods, ...ClusterServiceDefinition.methods };

export class MemoryTransport implements Transport {
  /** Undefined while the server is stopped; aborted when it stops. */
  private running: AbortController | undefined = new AbortController();

  constructor(private readonly deps: MemoryTransportDeps) {}

  async connect(): Promise<Connection> {
    const { running } = this;
    if (running === undefined) throw new Error("the test server is stopped");
    return new MemoryConnection(this.deps, running.signal);
  }

  /** Ends all connections and what is under way on them, and takes no others. */
  stop(): void {
    this.running?.abort();
    this.running = undefined;
  }

  start(): void {
    this.running ??= new AbortController();
  }
}

class MemoryConnection implements Connection {
  private isClosed = false;

  constructor(
    private readonly deps: MemoryTransportDeps,
    /** Aborted when the server stops. */
    private readonly stopped: AbortSignal,
  ) {}

  isUp(): boolean {
    return !this.isClosed && !this.stopped.aborted;
  }

  close(): void {
    this.isClosed = true;
  }

  async call<M extends keyof UnaryCalls>(
    method: M,
    request: UnaryCalls[M][0],
    signal: AbortSignal,
  ): Promise<UnaryCalls[M][1]> {
    const { requestType, responseType } = METHODS[method] as unknown as CodecsOf<M>;
    this.requireUp(signal);
    // The client asks for the map by itself: no plan of a test is about that.
    const failure = method === "getClusterMap" ? undefined : this.deps.faults.take(method);
    // Calls are done in the order in which they are made: whatever takes time comes behind it.
    const answer =
      failure === undefined || failure.isApplied
        ? this.serve(method, () => this.deps.calls[method](this.received(requestType, request)))
        : undefined;
    await this.delay(signal);
    if (failure !== undefined) throw failure.error;
    if (answer === undefined) throw new Error("assertion: a call that is done has an answer");
    return copyOf(responseType, answer);
  }

  async *scan(request: ScanRequest, signal: AbortSignal): AsyncGenerator<ScanResponse, void> {
    this.begin("scan", signal);
    const received = this.received(METHODS.scan.requestType, request);
    let { cursor, limit } = received;
    for (;;) {
      const page = this.serve("scan", () => scanPage(this.deps.state, received, { cursor, limit }));
      await this.delay(signal);
      yield copyOf(METHODS.scan.responseType, page);
      const isLast = limit > 0 && page.entries.length >= limit;
      if (page.cursor.length === 0 || isLast) return;
      limit -= limit > 0 ? page.entries.length : 0;
      cursor = page.cursor;
      this.requireUp(signal);
    }
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchResponse, void> {
    this.begin("watch", signal);
    const received = this.received(METHODS.watch.requestType, request);
    const ends = AbortSignal.any([signal, this.stopped]);
    try {
      for await (const frame of watchFrames(this.deps.state, received, this.deps.clock, ends)) {
        yield copyOf(METHODS.watch.responseType, frame);
      }
    } catch (error) {
      throw toFailure(error, "watch");
    }
    this.requireUp(signal);
  }

  private begin(method: TestMethod, signal: AbortSignal): void {
    this.requireUp(signal);
    const failure = this.deps.faults.take(method);
    if (failure !== undefined) throw failure.error;
  }

  private requireUp(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (!this.isUp()) throw connectionLost(true);
  }

  private serve<Answer>(method: TestMethod, call: () => Answer): Answer {
    try {
      this.deps.state.store.expire();
      return call();
    } catch (error) {
      throw toFailure(error, method);
    }
  }

  /** The request as a server reads it; a copy. */
  private received<Message>(type: MessageType<Message, never>, message: Message): Message {
    const bytes = type.encode(message).finish();
    checkMessage(bytes.length, this.deps.state.limits);
    return type.decode(bytes);
  }

  private async delay(signal: AbortSignal): Promise<void> {
    const { clock, faults } = this.deps;
    if (faults.delayMs === 0) return;
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        cancel();
        for (const one of [signal, this.stopped]) one.removeEventListener("abort", end);
        if (signal.aborted) reject(signal.reason as Error);
        else if (this.stopped.aborted) reject(connectionLost(false));
        else resolve();
      };
      const cancel = clock.schedule(faults.delayMs, end);
      for (const one of [signal, this.stopped]) one.addEventListener("abort", end, { once: true });
    });
  }
}

interface CodecsOf<M extends keyof UnaryCalls> {
  readonly requestType: MessageType<UnaryCalls[M][0], never>;
  readonly responseType: MessageType<UnaryCalls[M][1], never>;
}

/** As it comes out of the wire: nobody shares bytes with the server. */
function copyOf<Message>(type: MessageType<Message, never>, message: Message): Message {
  return type.decode(type.encode(message).finish());
}

function toFailure(error: unknown, method: TestMethod): unknown {
  return error instanceof Refusal ? failureOf(error, isWrite(method)) : error;
}
