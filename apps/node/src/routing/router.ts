/**
 * Serves requests on keys and values wherever their shards live: at a replica of this node, or by a call to
 * another. Knows no wire format of clients.
 *
 * All failures are `KvError`s, whose outcome says whether a write may have been applied.
 */
import type { MapKeyspace } from "../cluster/cluster-map.js";
import { invalidField, KvError } from "../kv/kv-error.js";
import { checkKey, checkTtl, type KvLimits } from "../kv/limits.js";
import type { CompareAndSet, Txn, WriteOperation } from "../kv/requests.js";
import type { ScanRequest } from "../kv/scan-request.js";
import type { ReadEntry, WriteId } from "../shard/shard-command.js";
import type { CallLimits, Freshness } from "../shard/shard-replica.js";
import { Attempts } from "./attempts.js";
import { crossShard, partsOf, type ShardPosition, settleParts } from "./batch-parts.js";
import type { ClusterView, RoutingClock, RoutingRandom } from "./cluster-view.js";
import { GetBatcher } from "./get-batcher.js";
import { type MergedPage, mergeScan } from "./merged-scan.js";
import { checkBatch, checkCompareAndSet, checkPut, checkTxn } from "./request-limits.js";
import { ShardAccess } from "./shard-access.js";
import type { FetchPage } from "./shard-cursor.js";
import { ShardReads } from "./shard-reads.js";
import { ShardRoutes } from "./shard-routes.js";
import { ShardTable } from "./shard-table.js";
import { type AnswerTo, type Body, ShardWrites } from "./shard-writes.js";
import { endOf, type SharedEnd } from "./shared-end.js";
import { type Watch, type WatchRequest, watchShards } from "./watch.js";

export interface RouterDeps {
  readonly view: ClusterView;
  readonly clock: RoutingClock;
  readonly random: RoutingRandom;
}

/** How a read is to be served. */
export interface ReadLevel {
  readonly consistency: "linearizable" | "stale";
  /** Of a stale read; 0: any age. */
  readonly maxStalenessMs: number;
  /** Revisions that the answer has to include, by shard. */
  readonly atLeast: ReadonlyMap<number, number>;
}

export const LINEARIZABLE: ReadLevel = {
  consistency: "linearizable",
  maxStalenessMs: 0,
  atLeast: new Map(),
};

/** What one shard answered. */
export type Located<Answer> = Answer & { readonly shard: number };

/** A write with what all writes have. */
export interface WriteCall {
  readonly keyspace: MapKeyspace;
  readonly writeId: WriteId | undefined;
  readonly limits: CallLimits;
}

/** Bytes of pages that a scan holds for all shards together, about. */
const SCAN_BYTES = 4 * 1024 * 1024;
const LEAST_PAGE_BYTES = 16 * 1024;
const LEAST_PAGE_KEYS = 16;

export class Router {
  readonly #view: ClusterView;
  readonly #clock: RoutingClock;
  readonly #random: RoutingRandom;
  readonly #limits: KvLimits;
  readonly #table: ShardTable;
  readonly #access: ShardAccess;
  readonly #routes: ShardRoutes;
  readonly #reads: ShardReads;
  readonly #writes: ShardWrites;
  readonly #gets: GetBatcher;

  constructor({ view, clock, random }: RouterDeps, limits: KvLimits) {
    this.#view = view;
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
    this.#table = new ShardTable(view);
    this.#access = new ShardAccess(view);
    this.#routes = new ShardRoutes(view);
    const attempts = new Attempts({ view, routes: this.#routes, clock, random });
    const reads = new ShardReads({ access: this.#access, attempts });
    this.#reads = reads;
    this.#writes = new ShardWrites({
      ...{ view, access: this.#access, attempts, routes: this.#routes, clock },
    });
    this.#gets = new GetBatcher((shard, keyspace, keys, callLimits) =>
      reads.read(shard, { keyspace, keys }, { type: "linearizable" }, callLimits),
    );
  }

  /** @throws KvError `KEYSPACE_UNKNOWN` */
  keyspace(name: string): MapKeyspace {
    return this.#table.keyspace(name);
  }

  /** The shard that holds a key. */
  shardOf(key: Uint8Array): number {
    return this.#table.shardOf(key);
  }

  /** Number of the node that leads a shard, where that is another one that is known. */
  leaderElsewhere(shard: number): number | undefined {
    return this.#routes.likelyLeader(shard);
  }

  /** @throws KvError `KEY_EMPTY`, `KEY_TOO_LARGE`, `TOO_STALE`, and those of routing */
  async get(
    keyspace: MapKeyspace,
    key: Uint8Array,
    level: ReadLevel,
    limits: CallLimits,
  ): Promise<Located<ReadEntry>> {
    checkKey(key, this.#limits);
    const shard = this.#table.shardOf(key);
    if (level.consistency === "stale") {
      const freshness = this.#freshness(level, shard);
      const what = { keyspace: keyspace.number, keys: [key] };
      const [entry] = await this.#reads.read(shard, what, freshness, limits);
      if (entry === undefined) throw new Error("assertion: an entry for each key");
      return { ...entry, shard };
    }
    const read = await this.#gets.get(shard, keyspace.number, key, limits.timeoutMs);
    this.#checkAtLeast(level, shard, read.shardRevision);
    const { entry, nowMs, shardRevision } = read;
    return { entry, nowMs, shardRevision, shard };
  }

  /** @throws KvError `KEY_EMPTY`, `KEY_TOO_LARGE`, `VALUE_TOO_LARGE`, `FIELD_INVALID` (ttl_ms), and those of routing */
  async put(
    request: { readonly key: Uint8Array; readonly value: Uint8Array; readonly ttlMs: number },
    call: WriteCall,
  ): Promise<Located<AnswerTo<"put">>> {
    checkPut(request, this.#limits);
    const { key, value } = request;
    const ttlMs = this.#ttl(request.ttlMs, call);
    const keyspace = call.keyspace.number;
    return this.#write(key, { type: "put", keyspace, key, value, ttlMs }, call);
  }

  /** @throws KvError `KEY_EMPTY`, `KEY_TOO_LARGE`, and those of routing */
  async delete(key: Uint8Array, call: WriteCall): Promise<Located<AnswerTo<"delete">>> {
    checkKey(key, this.#limits);
    return this.#write(key, { type: "delete", keyspace: call.keyspace.number, key }, call);
  }

  /** @throws KvError those of put, and what the shard refuses */
  async compareAndSet(
    request: Omit<CompareAndSet, "keyspace">,
    call: WriteCall,
  ): Promise<Located<AnswerTo<"compare-and-set">>> {
    const keyspace = call.keyspace.number;
    const ttlMs = request.newValue === undefined ? request.ttlMs : this.#ttl(request.ttlMs, call);
    const body = { type: "compare-and-set", ...request, keyspace, ttlMs } as const;
    checkCompareAndSet(body, this.#limits);
    return this.#write(request.key, body, call);
  }

  /** A `ttlMs` of 0 leaves the counter's time to live as it was. @throws KvError `NOT_A_COUNTER`, and those of put */
  async increment(
    request: { readonly key: Uint8Array; readonly delta: number; readonly ttlMs: number },
    call: WriteCall,
  ): Promise<Located<AnswerTo<"increment">>> {
    const { key, delta, ttlMs } = request;
    checkKey(key, this.#limits);
    checkTtl(ttlMs);
    const keyspace = call.keyspace.number;
    return this.#write(key, { type: "increment", keyspace, key, delta, ttlMs }, call);
  }

  /** @throws KvError `CROSS_SHARD`, `BATCH_TOO_LARGE`, `RESPONSE_TOO_LARGE`, and those of put */
  async txn(request: Omit<Txn, "keyspace">, call: WriteCall): Promise<Located<AnswerTo<"txn">>> {
    const keyspace = call.keyspace.number;
    const body = { type: "txn", ...request, keyspace } as const;
    checkTxn(body, this.#limits);
    const keys = [...body.compares, ...body.then, ...body.otherwise].map(({ key }) => key);
    const shards = new Set(keys.map((key) => this.#table.shardOf(key)));
    if (shards.size > 1) throw crossShard("the transaction", shards);
    const withTtl = (operation: Txn["then"][number]) =>
      operation.type === "put"
        ? { ...operation, ttlMs: this.#ttl(operation.ttlMs, call) }
        : operation;
    const [shard = 0] = shards;
    const answer = await this.#writes.write(
      shard,
      {
        ...body,
        ...{ then: body.then.map(withTtl), otherwise: body.otherwise.map(withTtl) },
        responseBytes: this.#limits.responseBytes,
      },
      call.writeId,
      call.limits,
    );
    return { ...answer, shard };
  }

  /**
   * Writes together. On several shards only with `allowNonAtomic`: then each shard's part is atomic.
   * @returns one position for each shard that was written, in their order
   * @throws KvError `CROSS_SHARD`, `BATCH_TOO_LARGE`, and those of put; see {@link settleParts} for a part that failed
   */
  async batch(
    operations: readonly WriteOperation[],
    allowNonAtomic: boolean,
    call: WriteCall,
  ): Promise<readonly ShardPosition[]> {
    checkBatch(operations, this.#limits);
    const parts = partsOf(operations, (key) => this.#table.shardOf(key));
    if (parts.size > 1 && !allowNonAtomic) throw crossShard("the batch", parts.keys());
    const keyspace = call.keyspace.number;
    const writes = [...parts].map(([shard, part]) => {
      const body = {
        type: "batch" as const,
        keyspace,
        operations: part.map((operation) =>
          operation.type === "put"
            ? { ...operation, ttlMs: this.#ttl(operation.ttlMs, call) }
            : operation,
        ),
      };
      const { writeId, limits } = call;
      const done = this.#writes
        .write(shard, body, writeId, limits)
        .then(({ revision }) => revision);
      return { shard, done };
    });
    const [only] = writes;
    if (only !== undefined && writes.length === 1) {
      return [{ shard: only.shard, revision: await only.done }];
    }
    return settleParts(writes);
  }

  /**
   * Pages over all shards, in key order. Each shard's part of a page is of one state of that shard.
   * @throws KvError `FIELD_INVALID` (range, cursor) at the call; those of reads later
   */
  scan(
    request: ScanRequest,
    level: ReadLevel,
    limits: CallLimits,
  ): AsyncGenerator<MergedPage, void, undefined> {
    const { scanPageKeys, scanPageBytes } = this.#limits;
    const pageKeys = request.pageSize > 0 ? Math.min(request.pageSize, scanPageKeys) : scanPageKeys;
    const shards = this.#table.count;
    const most = request.limit > 0 ? Math.min(pageKeys, request.limit) : pageKeys;
    // Keys are spread evenly over shards, by their hashes: a little more than its share spares most second calls.
    const share = shards === 1 ? most : Math.ceil((most / shards) * 1.5) + LEAST_PAGE_KEYS;
    const page = {
      // One more than is asked for: so it is known whether any is left.
      maxKeys: Math.min(share, most + 1),
      maxBytes: Math.max(LEAST_PAGE_BYTES, Math.ceil(Math.min(scanPageBytes, SCAN_BYTES / shards))),
      keysOnly: request.keysOnly,
    };
    const end = endOf(limits.signal);
    const { signal } = end;
    const fetchers = Array.from({ length: shards }, (_, shard): FetchPage => {
      const freshness = this.#freshness(level, shard);
      return async (range) => {
        const pageLimits = { timeoutMs: limits.timeoutMs, signal };
        const fetched = await this.#reads.scan(shard, { range, page }, freshness, pageLimits);
        this.#checkAtLeast(level, shard, fetched.shardRevision);
        return fetched;
      };
    });
    const pages = mergeScan(request, fetchers, { pageKeys, pageBytes: scanPageBytes });
    return endedWith(pages, end);
  }

  /** @throws KvError `FIELD_INVALID` at the call */
  watch(request: WatchRequest, signal: AbortSignal): Watch {
    return watchShards(
      {
        view: this.#view,
        access: this.#access,
        routes: this.#routes,
        clock: this.#clock,
        random: this.#random,
      },
      { ...request, shards: this.#table.count },
      signal,
    );
  }

  /** Makes a session known to all shards. @returns its id */
  async openSession(idleTimeoutMs: number, limits: CallLimits): Promise<Uint8Array> {
    const sessionId = Buffer.alloc(SESSION_ID_BYTES);
    for (let at = 0; at < SESSION_ID_BYTES; at += 4) {
      sessionId.writeUInt32LE(this.#random.nextInt(2 ** 32), at);
    }
    const body = { type: "open-session", sessionId, idleTimeoutMs } as const;
    await this.#onAllShards((shard) => this.#writes.write(shard, body, undefined, limits));
    return sessionId;
  }

  /** Forgets a session on all shards; one that is not known is forgotten already. */
  async closeSession(sessionId: Uint8Array, limits: CallLimits): Promise<void> {
    const body = { type: "close-session", sessionId } as const;
    await this.#onAllShards((shard) => this.#writes.write(shard, body, undefined, limits));
  }

  async #onAllShards(run: (shard: number) => Promise<unknown>): Promise<void> {
    await Promise.all(Array.from({ length: this.#table.count }, (_, shard) => run(shard)));
  }

  #write<Command extends Body>(
    key: Uint8Array,
    body: Command,
    { writeId, limits }: WriteCall,
  ): Promise<Located<AnswerTo<Command["type"]>>> {
    const shard = this.#table.shardOf(key);
    return this.#writes
      .write(shard, body, writeId, limits)
      .then((answer) => ({ ...answer, shard }));
  }

  #ttl(ttlMs: number, { keyspace }: WriteCall): number {
    return ttlMs > 0 ? ttlMs : keyspace.defaultTtlMs;
  }

  #freshness(level: ReadLevel, shard: number): Freshness {
    if (level.consistency === "linearizable") return { type: "linearizable" };
    const atLeast = level.atLeast.get(shard) ?? 0;
    return { type: "stale", maxStalenessMs: level.maxStalenessMs, atLeast };
  }

  /** A linearizable read includes every revision that was ever answered. */
  #checkAtLeast({ atLeast }: ReadLevel, shard: number, revision: number): void {
    const asked = atLeast.get(shard);
    if (asked === undefined || asked <= revision) return;
    throw new KvError({
      code: "TOO_STALE",
      message: `shard ${shard} is at revision ${revision}, the read asks for ${asked}`,
    });
  }

  /** @throws KvError `FIELD_INVALID` for a shard that does not exist */
  checkShards(field: string, shards: Iterable<number>): void {
    for (const shard of shards) {
      if (shard >= this.#table.count) throw invalidField(field, `there is no shard ${shard}`);
    }
  }
}

const SESSION_ID_BYTES = 16;

/** Ends what works for pages when nobody takes them any more. */
async function* endedWith<Page>(
  pages: AsyncGenerator<Page, void, undefined>,
  end: SharedEnd,
): AsyncGenerator<Page, void, undefined> {
  try {
    yield* pages;
  } finally {
    end.abort();
  }
}
