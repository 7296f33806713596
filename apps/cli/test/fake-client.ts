/** A store in memory that answers as a server does, and fails as it is told to. */
import { Buffer } from "node:buffer";
import type {
  BatchOperation,
  BatchResult,
  CallOptions,
  CasRequest,
  CasResult,
  ClusterStatus,
  IncrementResult,
  Lock,
  LockOptions,
  NodeStatus,
  PutOptions,
  ScanOptions,
  TxnRequest,
  TxnResult,
  WatchEvent,
  WatchOptions,
  WriteResult,
} from "@titan/client";
import { ClientError } from "@titan/client";
import type { ByteClient, ByteEntry, ByteKeyEntry } from "../src/report.js";

export type ClientErrorInit = ConstructorParameters<typeof ClientError>[0];
type Bytes = Uint8Array | string;
const hex = (key: Bytes): string => Buffer.from(key).toString("hex");

export class FakeClient implements ByteClient {
  readonly stored = new Map<string, ByteEntry>();
  readonly closed: number[] = [];
  /** Fails the next calls, first to last. */
  readonly failures: ClientErrorInit[] = [];
  /** Holds back every call until it is resolved or the call is aborted. */
  gate: Promise<void> | undefined;
  batches = 0;
  /** Calls that began, whatever became of them. */
  calls = 0;
  /** What `status` says of the cluster. */
  cluster: ClusterStatus | undefined;
  /** What else it says in place of the usual. */
  nodeStatus: Partial<NodeStatus> = {};
  private revision = 0;

  set(key: Bytes, value: Bytes, ttlMs?: number): WriteResult {
    const revision = ++this.revision;
    const entry = { key: Buffer.from(key), value: Buffer.from(value), revision };
    this.stored.set(hex(key), ttlMs === undefined ? entry : { ...entry, ttlMs });
    return { revision };
  }

  /** The stored value; `undefined` when there is none. */
  valueOf(key: Bytes): Buffer | undefined {
    const entry = this.stored.get(hex(key));
    return entry && Buffer.from(entry.value);
  }

  async put(key: Bytes, value: Uint8Array, options: PutOptions = {}): Promise<WriteResult> {
    await this.enter(options);
    return this.set(key, value, options.ttlMs);
  }

  async get(key: Bytes, options?: CallOptions): Promise<Uint8Array | undefined> {
    return (await this.getEntry(key, options))?.value;
  }

  async getEntry(key: Bytes, options: CallOptions = {}): Promise<ByteEntry | undefined> {
    await this.enter(options);
    return this.stored.get(hex(key));
  }

  async delete(key: Bytes, options: CallOptions = {}): Promise<boolean> {
    await this.enter(options);
    return this.stored.delete(hex(key));
  }

  async batch(
    operations: readonly BatchOperation<Uint8Array>[],
    options: CallOptions = {},
  ): Promise<BatchResult> {
    await this.enter(options);
    this.batches += 1;
    for (const operation of operations) {
      if (operation.type === "put") this.set(operation.key, operation.value, operation.ttlMs);
      else this.stored.delete(hex(operation.key));
    }
    return { revisions: [{ shard: 0, revision: this.revision }] };
  }

  async cas(
    key: Bytes,
    request: CasRequest<Uint8Array>,
    options: CallOptions = {},
  ): Promise<CasResult<Uint8Array, Uint8Array>> {
    await this.enter(options);
    const current = this.stored.get(hex(key));
    if (!isAsExpected(current, request.expected)) return { applied: false, current };
    if (!request.remove) return { applied: true, ...this.set(key, request.value, request.ttlMs) };
    this.stored.delete(hex(key));
    return { applied: true, revision: ++this.revision };
  }

  async increment(key: Bytes, delta = 1, options: PutOptions = {}): Promise<IncrementResult> {
    await this.enter(options);
    const value = Number(this.valueOf(key)?.toString() ?? 0) + delta;
    return { value, ...this.set(key, String(value)) };
  }

  readonly scan = ((options?: ScanOptions) => this.entries(options)) as ByteClient["scan"];

  private async *entries(options: ScanOptions = {}): AsyncGenerator<ByteEntry | ByteKeyEntry> {
    const { prefix = "", start = "", end, reverse, limit, keysOnly } = options;
    const keys = [...this.stored.keys()]
      .filter((key) => key.startsWith(hex(prefix)) && key >= hex(start))
      .filter((key) => end === undefined || key < hex(end))
      .sort();
    if (reverse) keys.reverse();
    for (const key of keys.slice(0, limit)) {
      await this.enter(options);
      const entry = this.stored.get(key);
      if (entry === undefined) continue;
      yield keysOnly ? { key: entry.key, revision: entry.revision } : entry;
    }
  }

  /** What a watch tells. It then goes on until it is aborted. */
  readonly changes: WatchEvent<Uint8Array, Uint8Array>[] = [];
  /** How it was asked for. */
  readonly watches: WatchOptions[] = [];

  readonly watch = ((options: WatchOptions = {}) =>
    this.tell(options)) as unknown as ByteClient["watch"];

  private async *tell(
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<Uint8Array, Uint8Array>, void> {
    const { signal, ...asked } = options;
    this.watches.push(asked);
    for (const change of this.changes) {
      await this.enter({ signal });
      yield change;
    }
    await new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(aborted()));
    });
  }

  async status(endpoint = "127.0.0.1:7420", options: CallOptions = {}): Promise<NodeStatus> {
    await this.enter(options);
    return { ...STATUS, endpoint, cluster: this.cluster, ...this.nodeStatus };
  }

  /** What the cluster was ordered to do. */
  readonly orders: string[] = [];

  readonly admin: ByteClient["admin"] = {
    leave: async (nodeId, options = {}) => {
      await this.order(`leave ${nodeId}`, options);
      return { replicas: 5 };
    },
    stay: (nodeId, options = {}) => this.order(`stay ${nodeId}`, options),
    pauseBalancer: (options = {}) => this.order("pause", options),
    resumeBalancer: (options = {}) => this.order("resume", options),
    transferLeader: (shard, nodeId, options = {}) =>
      this.order(`transfer ${shard} ${nodeId}`, options),
    listKeyspaces: async (options = {}) => {
      await this.enter(options);
      return [
        { name: "default", defaultTtlMs: undefined },
        { name: "sessions", defaultTtlMs: 60_000 },
      ];
    },
    createKeyspace: (name, { defaultTtlMs, ...options } = {}) =>
      this.order(`create ${name} ${defaultTtlMs ?? "for ever"}`, options),
    dropKeyspace: (name, options = {}) => this.order(`drop ${name}`, options),
  };

  /** Views of other keyspaces, by name. */
  readonly keyspaces = new Map<string, FakeClient>();

  keyspace(name: string): FakeClient {
    const view = this.keyspaces.get(name) ?? new FakeClient();
    this.keyspaces.set(name, view);
    return view;
  }

  /** What transactions were asked for; each ends as the next of `txnResults` says. */
  readonly txns: TxnRequest<Uint8Array>[] = [];
  readonly txnResults: TxnResult<Uint8Array, Uint8Array>[] = [];

  async txn(
    request: TxnRequest<Uint8Array>,
    options: CallOptions = {},
  ): Promise<TxnResult<Uint8Array, Uint8Array>> {
    await this.enter(options);
    this.txns.push(request);
    return this.txnResults.shift() ?? { succeeded: true, answers: [], revision: 1 };
  }

  /** Who else holds the lock: until `freed` resolves. */
  freed: Promise<void> | undefined;
  /** Locks that were given, and how they were asked for. */
  readonly locks: (FakeLock & { readonly asked: LockOptions })[] = [];

  async tryLock(key: Bytes, { signal, ...asked }: LockOptions = {}): Promise<Lock | undefined> {
    await this.enter({ signal });
    return this.freed === undefined ? this.give(key, asked) : undefined;
  }

  async lock(key: Bytes, { signal, ...asked }: LockOptions = {}): Promise<Lock> {
    await this.enter({ signal });
    const abort = new Promise<never>((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(aborted()));
    });
    await Promise.race([this.freed, abort]);
    return this.give(key, asked);
  }

  private give(key: Bytes, asked: LockOptions): Lock {
    const lock = Object.assign(new FakeLock(hex(key), ++this.revision), { asked });
    this.locks.push(lock);
    return lock;
  }

  private async order(what: string, options: CallOptions): Promise<void> {
    await this.enter(options);
    this.orders.push(what);
  }

  async close(): Promise<void> {
    this.closed.push(Date.now());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async enter({ signal }: CallOptions): Promise<void> {
    this.calls += 1;
    if (signal?.aborted) throw aborted();
    const failure = this.failures.shift();
    if (failure !== undefined) throw new ClientError(failure);
    if (this.gate === undefined) return;
    const abort = new Promise<never>((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(aborted()));
    });
    await Promise.race([this.gate, abort]);
  }
}

class FakeLock implements Lock {
  private readonly end = new AbortController();
  releases = 0;
  /** What `release` fails with. */
  failure: ClientErrorInit | undefined;

  constructor(
    readonly key: string,
    readonly token: number,
  ) {}

  get signal(): AbortSignal {
    return this.end.signal;
  }

  lose(): void {
    this.end.abort(new Error("the lock is lost: somebody took it away"));
  }

  async release(): Promise<void> {
    this.releases += 1;
    if (this.failure !== undefined) throw new ClientError(this.failure);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

function aborted(): ClientError {
  return new ClientError({
    code: "CLIENT_ABORTED",
    outcome: "not-applied",
    message: "the call was aborted",
  });
}

function isAsExpected(
  current: ByteEntry | undefined,
  expected: CasRequest<Uint8Array>["expected"],
): boolean {
  if (expected === "absent") return current === undefined;
  if (expected === "present") return current !== undefined;
  if ("revision" in expected) return current?.revision === expected.revision;
  return current !== undefined && hex(current.value) === hex(expected.value);
}

const STATUS: Omit<NodeStatus, "cluster"> = {
  endpoint: "",
  nodeId: "n1",
  version: "1.2.3",
  uptimeMs: 90_061_000,
  requestsInFlight: 2,
  limits: {
    keyBytes: 65_535,
    valueBytes: 4 * 1024 * 1024,
    batchBytes: 16 * 1024 * 1024,
    batchOperations: 1_000,
    concurrentRequests: 1_024,
  },
  store: {
    keys: 1_234_567,
    liveBytes: 1_536,
    deadBytes: 512,
    dataFiles: 3,
    diskFreeBytes: 64 * 1024 ** 3,
  },
};
