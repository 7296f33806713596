/** A node on a real port that keeps its keys in a Map and misbehaves when told to. */
import {
  type BatchRequest,
  ClusterServiceDefinition,
  type ClusterServiceImplementation,
  type ClusterStatus,
  type CompareAndSetRequest,
  KvServiceDefinition,
  type KvServiceImplementation,
  PipelineServiceDefinition,
  type ScanRequest,
  type WriteId,
} from "@titan/proto";
import { type CallContext, createServer, ServerError, Status } from "nice-grpc";
import { errorDetailsServerMiddleware } from "nice-grpc-error-details";
import { pipelineOf } from "./fake-pipeline.js";
import { titanError } from "./titan-error.js";

interface Stored {
  readonly value: Uint8Array;
  readonly revision: number;
  readonly ttlMs: number | undefined;
}

/** Runs before each call; may throw, wait, or do nothing. */
export type Misbehaviour = (method: string, context: CallContext) => Promise<void> | void;

export class FakeNode {
  /** Calls that arrived, by method. */
  readonly calls: string[] = [];
  /** What the cluster was ordered to do. */
  readonly orders: string[] = [];
  /** What the node says of its cluster. */
  cluster: ClusterStatus | undefined;
  /** Highest number of unary calls under way at once. */
  peak = 0;
  /** Scan streams open now. */
  openScans = 0;
  /** Frames of pipelines that arrived, as numbers of calls. */
  readonly frames: number[] = [];
  /** Says to the clients that it is stopping: refuses what comes then. */
  readonly stopping = new AbortController();
  misbehave: Misbehaviour = () => {};
  /** Runs when the work is done: the answer may be lost. */
  misbehaveAfter: Misbehaviour = () => {};
  /** Answers by sequence, of each open session by its id in hex. */
  readonly sessions = new Map<string, Map<number, unknown>>();
  /** Runs before each page of a scan, with its number in the stream. */
  beforePage: (page: number) => Promise<void> | void = () => {};
  pageSize = 3;
  private readonly stored = new Map<string, Stored>();
  private revision = 0;
  private running = 0;

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    readonly port: number,
  ) {}

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** @param pipelines false: as a server that knows none */
  static async start(port = 0, pipelines = true): Promise<FakeNode> {
    const server = createServer().use(errorDetailsServerMiddleware);
    let node: FakeNode | undefined;
    const self = (): FakeNode => {
      if (node === undefined) throw new ServerError(Status.UNAVAILABLE, "not started");
      return node;
    };
    const kv = kvService(self);
    server.add(KvServiceDefinition, kv);
    if (pipelines) server.add(PipelineServiceDefinition, { pipeline: pipelineOf(kv, self) });
    server.add(ClusterServiceDefinition, clusterService(self));
    node = new FakeNode(server, await server.listen(`127.0.0.1:${port}`));
    return node;
  }

  /** Cuts every connection and stops listening. */
  kill(): void {
    this.server.forceShutdown();
  }

  /** Stops as a server should: finishes what it has begun, takes nothing new. */
  async stop(): Promise<void> {
    await this.server.shutdown();
  }

  count(method: string): number {
    return this.calls.filter((each) => each === method).length;
  }

  async enter<T>(method: string, context: CallContext, work: () => T): Promise<T> {
    this.calls.push(method);
    this.running += 1;
    this.peak = Math.max(this.peak, this.running);
    try {
      await this.misbehave(method, context);
      const answer = work();
      await this.misbehaveAfter(method, context);
      return answer;
    } finally {
      this.running -= 1;
    }
  }

  openSession(): Uint8Array {
    const id = Buffer.from(`session-${this.count("openSession")}`);
    this.sessions.set(hex(id), new Map());
    return id;
  }

  /** A write with an id is done once. */
  once<T>(writeId: WriteId | undefined, work: () => T): T {
    if (writeId === undefined) return work();
    const answers = this.sessions.get(hex(writeId.sessionId));
    if (answers === undefined) {
      const gone = { outcome: "not-applied" };
      throw titanError(Status.FAILED_PRECONDITION, "SESSION_EXPIRED", gone);
    }
    if (!answers.has(writeId.sequence)) answers.set(writeId.sequence, work());
    return answers.get(writeId.sequence) as T;
  }

  put(key: Uint8Array, value: Uint8Array, ttlMs: number): number {
    this.revision += 1;
    const ttl = ttlMs === 0 ? undefined : ttlMs;
    this.stored.set(hex(key), {
      value: Uint8Array.from(value),
      revision: this.revision,
      ttlMs: ttl,
    });
    return this.revision;
  }

  read(key: Uint8Array): Stored | undefined {
    return this.stored.get(hex(key));
  }

  remove(key: Uint8Array): boolean {
    this.revision += 1;
    return this.stored.delete(hex(key));
  }

  batch(request: BatchRequest): number {
    for (const { operation } of request.operations) {
      if (operation?.$case === "put") {
        this.put(operation.value.key, operation.value.value, operation.value.ttlMs);
      } else if (operation?.$case === "delete") this.remove(operation.value.key);
    }
    return this.revision;
  }

  compareAndSet(request: CompareAndSetRequest) {
    const found = this.read(request.key);
    const { expected, update } = request;
    const matches =
      expected?.$case === "absent"
        ? expected.value === (found === undefined)
        : expected?.$case === "revision"
          ? found?.revision === expected.value
          : found !== undefined && hex(found.value) === hex(expected?.value ?? new Uint8Array());
    if (!matches) {
      const current = found === undefined ? undefined : { key: request.key, ...found };
      return { applied: false, revision: 0, current, shard: 0 };
    }
    if (update?.$case === "newValue") this.put(request.key, update.value, request.ttlMs);
    else this.remove(request.key);
    return { applied: true, revision: this.revision, current: undefined, shard: 0 };
  }

  /** Pages of a scan, its cursor being the hex of the next key. */
  *pages(request: ScanRequest) {
    const { prefix, start, end } = request.range ?? {};
    let keys = [...this.stored.keys()].sort().filter((key) => {
      const inPrefix = key.startsWith(hex(prefix ?? new Uint8Array()));
      return inPrefix && key >= hex(start ?? new Uint8Array()) && (!end?.length || key < hex(end));
    });
    if (request.reverse) keys.reverse();
    const from = Buffer.from(request.cursor).toString();
    if (from !== "") keys = keys.slice(keys.indexOf(from));
    if (request.limit > 0) keys = keys.slice(0, request.limit);
    for (let at = 0; at === 0 || at < keys.length; at += this.pageSize) {
      const entries = keys.slice(at, at + this.pageSize).map((key) => {
        const found = this.stored.get(key)!;
        const value = request.keysOnly ? new Uint8Array() : found.value;
        return {
          key: Buffer.from(key, "hex"),
          value,
          revision: found.revision,
          ttlMs: found.ttlMs,
        };
      });
      yield { entries, cursor: Buffer.from(keys[at + this.pageSize] ?? "") };
    }
  }
}

function kvService(self: () => FakeNode): KvServiceImplementation {
  const missing = (): never => {
    throw new ServerError(Status.UNIMPLEMENTED, "not in the fake");
  };
  return {
    put: (request, context) =>
      self().enter("put", context, () =>
        self().once(request.writeId, () => ({
          revision: self().put(request.key, request.value, request.ttlMs),
        })),
      ),
    get: (request, context) =>
      self().enter("get", context, () => {
        const found = self().read(request.key);
        return found === undefined ? { found: false } : { found: true, ...found };
      }),
    delete: (request, context) =>
      self().enter("delete", context, () => ({ existed: self().remove(request.key) })),
    batch: (request, context) =>
      self().enter("batch", context, () => ({
        revisions: [{ shard: 0, revision: self().batch(request) }],
      })),
    compareAndSet: (request, context) =>
      self().enter("compareAndSet", context, () => self().compareAndSet(request)),
    increment: (request, context) =>
      self().enter("increment", context, () =>
        self().once(request.writeId, () => {
          const found = self().read(request.key);
          const value = Number(found === undefined ? 0 : Buffer.from(found.value)) + request.delta;
          return { value, revision: self().put(request.key, Buffer.from(String(value)), 0) };
        }),
      ),
    async *scan(request, context) {
      const node = self();
      node.openScans += 1;
      try {
        await node.enter("scan", context, () => {});
        let page = 0;
        for (const answer of node.pages(request)) {
          await node.beforePage(page++);
          if (context.signal.aborted) return;
          yield answer;
        }
      } finally {
        node.openScans -= 1;
      }
    },
    txn: missing,
    watch: missing,
    openSession: (_request, context) =>
      self().enter("openSession", context, () => ({ sessionId: self().openSession() })),
    closeSession: ({ sessionId }, context) =>
      self().enter("closeSession", context, () => {
        self().sessions.delete(hex(sessionId));
        return {};
      }),
  };
}

function clusterService(self: () => FakeNode): ClusterServiceImplementation {
  const missing = (): never => {
    throw new ServerError(Status.UNIMPLEMENTED, "not in the fake");
  };
  return {
    getStatus: (_request, context) =>
      self().enter("getStatus", context, () => ({
        nodeId: `node-${self().port}`,
        version: "1.2.3",
        limits: { keyBytes: 65_535 },
        cluster: self().cluster,
      })),
    listKeyspaces: missing,
    createKeyspace: missing,
    dropKeyspace: missing,
    getClusterMap: missing,
    leave: ({ nodeId, cancel }, context) =>
      self().enter("leave", context, () => {
        self().orders.push(`${cancel ? "stay" : "leave"} ${nodeId}`);
        return { replicas: cancel ? 0 : 5 };
      }),
    setBalancer: ({ paused }, context) =>
      self().enter("setBalancer", context, () => {
        self().orders.push(paused ? "pause" : "resume");
        return {};
      }),
    transferLeader: ({ shard, nodeId }, context) =>
      self().enter("transferLeader", context, () => {
        self().orders.push(`transfer ${shard} ${nodeId}`);
        return {};
      }),
    hello: missing,
    join: missing,
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
