/** The client: arguments to messages, messages to results. How a call travels is `caller.ts`. */
import type { TitanClient } from "./api.js";
import type { CallScope } from "./call-scope.js";
import { type Caller, READ, REPEATABLE_WRITE, WRITE } from "./caller.js";
import { CallingAdmin, type ClusterAdmin } from "./cluster-admin.js";
import { createElection, type Election } from "./election.js";
import { parseEndpoint } from "./endpoint-address.js";
import { EventWatch } from "./event-watch.js";
import { type Key, keyToBytes } from "./keys.js";
import { type Lease, type LeaseOptions, RenewedLease } from "./lease.js";
import {
  acquire,
  DEFAULT_LOCK_TTL_MS,
  LEAST_LOCK_TTL_MS,
  LONGEST_LOCK_TTL_MS,
  type Lock,
  type LockDeps,
  type LockOptions,
  type LockRequest,
  tryAcquire,
} from "./lock.js";
import { forMany, partlyDone } from "./many.js";
import { freshness, MessageCodec, nodeStatus, scanRequest, ttlOf } from "./messages.js";
import { checkInteger, MAX_TIMER_MS, type ResolvedOptions } from "./options.js";
import type {
  BatchOperation,
  BatchOptions,
  BatchResult,
  CallOptions,
  CasRequest,
  CasResult,
  DeleteOptions,
  Entry,
  IncrementResult,
  KeyEntry,
  NodeStatus,
  PutEntry,
  PutOptions,
  ReadOptions,
  ScanOptions,
  TxnRequest,
  TxnResult,
  WriteOptions,
  WriteResult,
} from "./requests.js";
import type { Scanner } from "./scanner.js";
import { resolveValues, type ValueCodec, type ValueOf, type ValuesOption } from "./values.js";
import type { KeyWatchEvent, Watch, WatchEvent, WatchOptions } from "./watch-requests.js";
import type { Watcher } from "./watcher.js";

/** What a client and its views share. */
export interface Connections {
  readonly options: ResolvedOptions;
  readonly caller: Caller;
  readonly scanner: Scanner;
  readonly watcher: Watcher;
}

export class KvClient<V, K extends Key> implements TitanClient<V, K> {
  readonly admin: ClusterAdmin;
  private readonly codec: MessageCodec<V, K>;

  constructor(
    private readonly shared: Connections,
    private readonly values: ValueCodec<V>,
    /** "": the default one. */
    private readonly keyspaceName = "",
  ) {
    this.admin = new CallingAdmin(shared.caller);
    const { keys, maxMessageBytes } = shared.options;
    this.codec = new MessageCodec<V, K>(values, keys, maxMessageBytes, keyspaceName);
  }

  async put(key: Key, value: V, options?: PutOptions): Promise<WriteResult> {
    const request = {
      key: keyToBytes(key),
      value: this.codec.value(value),
      keyspace: this.keyspaceName,
      ttlMs: ttlOf(options?.ttlMs),
      writeId: undefined,
    };
    const nature = options?.retryUnknown === true ? REPEATABLE_WRITE : WRITE;
    const { answer } = await this.shared.caller.call("put", request, nature, options);
    return { revision: answer.revision };
  }

  async get(key: Key, options?: ReadOptions): Promise<V | undefined> {
    const bytes = keyToBytes(key);
    const { answer } = await this.read(bytes, options);
    return answer.found ? this.codec.decode(answer.value, bytes) : undefined;
  }

  getMany(keys: readonly Key[], options: ReadOptions = {}): Promise<(V | undefined)[]> {
    return this.many(keys, (key, one) => this.get(key, one), options);
  }

  async putMany(entries: readonly PutEntry<V>[], options: PutOptions = {}): Promise<void> {
    const put = ({ key, value, ttlMs = options.ttlMs }: PutEntry<V>, one: PutOptions) =>
      this.put(key, value, { ...one, ttlMs });
    try {
      await this.many(entries, put, options);
    } catch (error) {
      throw partlyDone(error);
    }
  }

  async getEntry(key: Key, options?: ReadOptions): Promise<Entry<V, K> | undefined> {
    const bytes = keyToBytes(key);
    const { answer } = await this.read(bytes, options);
    const { found, value, revision, ttlMs } = answer;
    return found ? this.codec.entry({ key: bytes, value, revision, ttlMs }) : undefined;
  }

  async delete(key: Key, options?: DeleteOptions): Promise<boolean> {
    const request = { key: keyToBytes(key), keyspace: this.keyspaceName, writeId: undefined };
    const nature = options?.retryUnknown === true ? REPEATABLE_WRITE : WRITE;
    const { answer } = await this.shared.caller.call("delete", request, nature, options);
    return answer.existed;
  }

  async batch(
    operations: readonly BatchOperation<V>[],
    options?: BatchOptions,
  ): Promise<BatchResult> {
    const request = this.codec.batch(operations, options?.allowNonAtomic);
    if (request.operations.length === 0) {
      this.shared.caller.openScope(options).finish();
      return { revisions: [] };
    }
    const { answer } = await this.shared.caller.call("batch", request, WRITE, options);
    return { revisions: answer.revisions };
  }

  async cas(key: Key, request: CasRequest<V>, options?: CallOptions): Promise<CasResult<V, K>> {
    const message = this.codec.compareAndSet(key, request);
    const { answer } = await this.shared.caller.call("compareAndSet", message, WRITE, options);
    return this.codec.casResult(answer);
  }

  async txn(request: TxnRequest<V>, options?: CallOptions): Promise<TxnResult<V, K>> {
    const message = this.codec.txn(request);
    const { answer } = await this.shared.caller.call("txn", message, WRITE, options);
    return this.codec.txnResult(answer, message);
  }

  async increment(key: Key, delta = 1, options?: WriteOptions): Promise<IncrementResult> {
    const { MIN_SAFE_INTEGER, MAX_SAFE_INTEGER } = Number;
    const request = {
      key: keyToBytes(key),
      delta: checkInteger(delta, "delta", MIN_SAFE_INTEGER, MAX_SAFE_INTEGER),
      keyspace: this.keyspaceName,
      ttlMs: ttlOf(options?.ttlMs),
      writeId: undefined,
    };
    const { answer } = await this.shared.caller.call("increment", request, WRITE, options);
    return { value: answer.value, revision: answer.revision };
  }

  scan(options: ScanOptions & { readonly keysOnly: true }): AsyncIterable<KeyEntry<K>>;
  scan(
    options?: ScanOptions & { readonly keysOnly?: false | undefined },
  ): AsyncIterable<Entry<V, K>>;
  scan(options: ScanOptions = {}): AsyncIterable<KeyEntry<K> | Entry<V, K>> {
    return { [Symbol.asyncIterator]: () => this.scanEntries(options) };
  }

  watch(options: WatchOptions & { readonly keysOnly: true }): Watch<KeyWatchEvent<K>>;
  watch(
    options?: WatchOptions & { readonly keysOnly?: false | undefined },
  ): Watch<WatchEvent<V, K>>;
  watch(options: WatchOptions = {}): Watch<KeyWatchEvent<K>> | Watch<WatchEvent<V, K>> {
    const { watcher } = this.shared;
    const { timeoutMs } = this.shared.options;
    const deps = { watcher, codec: this.codec, keyspace: this.keyspaceName, timeoutMs };
    return new EventWatch<V, K>(deps, options);
  }

  async lock(key: Key, options: LockOptions = {}): Promise<Lock> {
    return this.locking(key, options, acquire);
  }

  async tryLock(key: Key, options: LockOptions = {}): Promise<Lock | undefined> {
    return this.locking(key, options, tryAcquire);
  }

  election(key: Key): Election {
    keyToBytes(key);
    const { caller } = this.shared;
    const { clock, random } = caller.context;
    return createElection(key, {
      ...{ clock, random, ttlMs: leaseTtlOf, calls: this.withValues("string") },
      openScope: ({ timeoutMs = MAX_TIMER_MS, signal }) => caller.openScope({ timeoutMs, signal }),
    });
  }

  lease(options: LeaseOptions = {}): Lease<V> {
    const { clock } = this.shared.caller.context;
    const encode = (value: V): Uint8Array => this.codec.value(value);
    const calls = this.withValues("bytes");
    return new RenewedLease<V>(leaseTtlOf(options), { calls, clock, encode });
  }

  async status(endpoint?: string, options?: CallOptions): Promise<NodeStatus> {
    const target = endpoint === undefined ? undefined : this.knownAddress(endpoint);
    const { caller } = this.shared;
    const found = await caller.call("getStatus", {}, READ, options, target);
    return nodeStatus(found.endpoint, found.answer);
  }

  withValues<const O extends ValuesOption>(values: O): TitanClient<ValueOf<O>, K> {
    return new KvClient<ValueOf<O>, K>(this.shared, resolveValues(values), this.keyspaceName);
  }

  keyspace(name: string): TitanClient<V, K> {
    return new KvClient<V, K>(this.shared, this.values, checkName(name));
  }

  close(): Promise<void> {
    return this.shared.caller.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** One call for each of `items`. */
  private async many<Item, Result, Options extends CallOptions>(
    items: readonly Item[],
    call: (item: Item, options: Options) => Promise<Result>,
    options: Options,
  ): Promise<Result[]> {
    if (!Array.isArray(items)) throw new TypeError("a list is missing");
    const { caller } = this.shared;
    const { timeoutMs, maxConcurrentCalls } = this.shared.options;
    // Also refuses what is wrong with the options, and a closed client, when there is nothing to do.
    caller.openScope(options).finish();
    const deps = { clock: caller.context.clock, width: maxConcurrentCalls, timeoutMs };
    const each = (item: Item, one: CallOptions) => call(item, { ...options, ...one });
    return forMany(items, each, options, deps);
  }

  private async locking<Result>(
    key: Key,
    options: LockOptions,
    take: (request: LockRequest, scope: CallScope, deps: LockDeps) => Promise<Result>,
  ): Promise<Result> {
    keyToBytes(key);
    const ttlMs = leaseTtlOf(options);
    const { caller } = this.shared;
    const { clock, random } = caller.context;
    const scope = caller.openScope(options);
    try {
      const deps = { calls: this.withValues("string"), clock, random };
      return await take({ key, ttlMs }, scope, deps);
    } finally {
      scope.finish();
    }
  }

  private read(key: Uint8Array, options: ReadOptions | undefined) {
    const request = { key, keyspace: this.keyspaceName, read: freshness(options ?? {}) };
    return this.shared.caller.call("get", request, READ, options);
  }

  private async *scanEntries(
    options: ScanOptions,
  ): AsyncGenerator<KeyEntry<K> | Entry<V, K>, void> {
    const request = scanRequest(options, this.keyspaceName);
    for await (const page of this.shared.scanner.pages(request, options)) {
      for (const found of page) {
        yield request.keysOnly ? this.codec.keyEntry(found) : this.codec.entry(found);
      }
    }
  }

  private knownAddress(text: string): string {
    const { address } = parseEndpoint(text);
    const { endpoints } = this.shared.options;
    if (endpoints.some((each) => each.address === address)) return address;
    throw new RangeError(`${address} is not one of the client's endpoints`);
  }
}

/** @throws TypeError, RangeError */
function leaseTtlOf({ ttlMs = DEFAULT_LOCK_TTL_MS }: { readonly ttlMs?: number | undefined }) {
  return checkInteger(ttlMs, "ttlMs", LEAST_LOCK_TTL_MS, LONGEST_LOCK_TTL_MS);
}

/** "" would mean the default keyspace, and hide a mistake. */
function checkName(name: string): string {
  if (typeof name !== "string" || name === "") throw new TypeError("a keyspace's name is missing");
  return name;
}
