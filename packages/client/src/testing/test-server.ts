/** A server for tests of programs that use this client: within the process, in memory, and obedient. */
import type { TitanClient as Client } from "../api.js";
import type { KeyOf, KeysOption } from "../keys.js";
import { type ClientOptions, checkInteger } from "../options.js";
import type { ClientPorts, Clock } from "../ports.js";
import { systemRandom } from "../system-ports.js";
import { TitanClient } from "../titan-client.js";
import type { ValueOf, ValuesOption } from "../values.js";
import { FaultPlan, type TestFailure } from "./fault-plan.js";
import { createMemoryCalls } from "./memory-calls.js";
import { MemoryCluster } from "./memory-cluster.js";
import { MemoryKeyspaces } from "./memory-keyspaces.js";
import { MemoryStore } from "./memory-store.js";
import { MemoryTransport } from "./memory-transport.js";
import type { MemoryState } from "./memory-writes.js";
import { RUNNING, STOPPED, TestClock } from "./test-clock.js";

/** Settings of a test server. Those that a node has, too, have its names and its defaults. */
export interface TestServerOptions {
  /**
   * Where time comes from, for the server and its clients: their times to live, deadlines, retries and leases. `"stopped"`:
   * it passes by {@link TestServer.advance} only, so that also what waits for a retry waits for that.
   * @default `Date` and `setTimeout`, and so the fake timers of a test runner where they stand in for these
   */
  readonly clock?: Clock | "stopped" | undefined;
  /** Keys of several of them cannot be written together, as in a cluster. @default 16 */
  readonly shards?: number | undefined;
  /** Largest key, in bytes. @default 65_535 */
  readonly maxKeyBytes?: number | undefined;
  /** Largest value, in bytes. @default 1_048_576 (1 MiB) */
  readonly maxValueBytes?: number | undefined;
  /** Keys and values of one batch or transaction. @default 2_097_152 (2 MiB) */
  readonly maxBatchBytes?: number | undefined;
  /** Operations and comparisons of one batch or transaction. @default 10_000 */
  readonly maxBatchOperations?: number | undefined;
  /** Bytes of values that one transaction reads. @default 4_194_304 (4 MiB) */
  readonly maxResponseBytes?: number | undefined;
  /** Changes of each shard that watches can go back to; beyond that they end with `CLIENT_COMPACTED`. @default 16_384 */
  readonly historyChanges?: number | undefined;
}

/** A node in memory. All its clients see the same data. */
export interface TestServer extends AsyncDisposable {
  /** For `endpoints` of clients that the program under test makes itself, together with {@link TestServer.ports}. */
  readonly endpoint: string;
  /** Second argument of `new TitanClient()`: by them a client reaches this server, whatever its endpoints are. */
  readonly ports: ClientPorts;
  /** Makes a client of this server: the real one, with its retries and deadlines. Closed with the server. */
  client<const Values extends ValuesOption = "string", const Keys extends KeysOption = "string">(
    options?: ClientOptions<Values, Keys>,
  ): Client<ValueOf<Values>, KeyOf<Keys>>;
  /**
   * Lets time pass at once, for the server and all its clients: what expires expires, locks are renewed, and what is due
   * happens in its order. @param ms whole milliseconds, 0 or more
   */
  advance(ms: number): Promise<void>;
  /**
   * Lets the next call, or calls, fail. Said again, the failures come one after the other.
   * @throws RangeError for a number of times below 1
   */
  failNext(failure?: TestFailure): void;
  /**
   * Lets every answer come so many milliseconds late from now on; what is asked is done at once, and what watches tell comes
   * as ever. @param ms 0: no more
   */
  delay(ms: number): void;
  /** Makes it unreachable; calls under way lose their connection. Nothing is forgotten. Idempotent. */
  stop(): void;
  /** Makes it reachable again. Idempotent. */
  start(): void;
  /**
   * Removes all keys, as deletes that watches are told of, and all keyspaces but the default one; forgets sessions, and what
   * was asked of `failNext` and `delay`. Revisions go on.
   */
  clear(): void;
  /** Stops it and closes the clients that it made. Idempotent. */
  close(): Promise<void>;
}

const ENDPOINT = "titan-test-server:7420";
const DEFAULTS = {
  shards: 16,
  maxKeyBytes: 65_535,
  maxValueBytes: 1024 * 1024,
  maxBatchBytes: 2 * 1024 * 1024,
  maxBatchOperations: 10_000,
  maxResponseBytes: 4 * 1024 * 1024,
  historyChanges: 16_384,
} as const;

/**
 * Makes a server that does what a single node does, without a socket or a disk. There is nothing to wait for.
 * `await using server = createTestServer(); const client = server.client();`
 * @throws TypeError, RangeError for a wrong option
 */
export function createTestServer(options: TestServerOptions = {}): TestServer {
  return new MemoryServer(options);
}

class MemoryServer implements TestServer {
  readonly endpoint = ENDPOINT;
  readonly ports: ClientPorts;
  private readonly clock: TestClock;
  private readonly state: MemoryState;
  private readonly transport: MemoryTransport;
  private readonly faults = new FaultPlan();
  private readonly clients = new Set<AsyncDisposable>();

  constructor({ clock = RUNNING, ...options }: TestServerOptions) {
    const { shards, historyChanges, ...limits } = resolve(options);
    this.clock = new TestClock(clock === "stopped" ? STOPPED : clock);
    const nowMs = () => Math.floor(this.clock.monotonicMs());
    const store = new MemoryStore({ shards, historyChanges }, nowMs);
    this.state = { store, keyspaces: new MemoryKeyspaces(), limits };
    this.transport = new MemoryTransport({
      ...{ state: this.state, faults: this.faults, clock: this.clock },
      calls: createMemoryCalls(this.state, new MemoryCluster(this.state, ENDPOINT)),
    });
    this.ports = { clock: this.clock, random: systemRandom, transport: this.transport };
  }

  client<const Values extends ValuesOption = "string", const Keys extends KeysOption = "string">(
    options?: ClientOptions<Values, Keys>,
  ): Client<ValueOf<Values>, KeyOf<Keys>> {
    const client = new TitanClient({ endpoints: [ENDPOINT], ...options }, this.ports);
    this.clients.add(client);
    return client;
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(checkInteger(ms, "ms", 0, Number.MAX_SAFE_INTEGER));
  }

  failNext(failure: TestFailure = {}): void {
    const { times = 1 } = failure;
    if (times !== Number.POSITIVE_INFINITY) {
      checkInteger(times, "times", 1, Number.MAX_SAFE_INTEGER);
    }
    this.faults.add(failure);
  }

  delay(ms: number): void {
    this.faults.delayMs = checkInteger(ms, "ms", 0, 2 ** 31 - 1);
  }

  stop(): void {
    this.transport.stop();
  }

  start(): void {
    this.transport.start();
  }

  clear(): void {
    const { store, keyspaces } = this.state;
    for (const { name, number } of keyspaces.list()) {
      store.drop(number);
      if (name !== "default") keyspaces.drop(name);
    }
    for (const { sessions } of store.shards) sessions.clear();
    this.faults.clear();
  }

  async close(): Promise<void> {
    // Before the clients: they would end their sessions, and may have to wait for that.
    this.stop();
    const clients = [...this.clients];
    this.clients.clear();
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function resolve(options: Omit<TestServerOptions, "clock">) {
  const number = (name: keyof typeof DEFAULTS, most: number = Number.MAX_SAFE_INTEGER) =>
    checkInteger(options[name] ?? DEFAULTS[name], name, 1, most);
  for (const name of Object.keys(options)) {
    if (!(name in DEFAULTS)) throw new TypeError(`there is no option "${name}"`);
  }
  return {
    shards: number("shards", 1024),
    maxKeyBytes: number("maxKeyBytes", DEFAULTS.maxKeyBytes),
    maxValueBytes: number("maxValueBytes"),
    maxBatchBytes: number("maxBatchBytes"),
    maxBatchOperations: number("maxBatchOperations"),
    maxResponseBytes: number("maxResponseBytes"),
    historyChanges: number("historyChanges"),
  };
}
