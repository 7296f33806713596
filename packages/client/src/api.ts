/** The client as its users see it. What stands behind it is put together in `kv-client.ts`. */
import type { ClusterAdmin } from "./cluster-admin.js";
import type { Election } from "./election.js";
import type { Key } from "./keys.js";
import type { Lease, LeaseOptions } from "./lease.js";
import type { Lock, LockOptions } from "./lock.js";
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
import type { ValueOf, ValuesOption } from "./values.js";
import type { KeyWatchEvent, Watch, WatchEvent, WatchOptions } from "./watch-requests.js";

/**
 * A connection to a Titan node or cluster. Connects when first used, reconnects by itself, and may be
 * shared by everything in the process. Calls may run concurrently; calls that overlap in time happen in
 * no promised order, calls that are awaited happen in that order.
 *
 * Every call settles within its deadline. All reject with `TypeError` or `RangeError` for a wrong
 * argument, before anything is sent, and with {@link ClientError} for everything else; no call throws
 * synchronously. Reads are linearizable unless asked to be `stale`, writes are durable once they resolve.
 *
 * @typeParam V values
 * @typeParam K keys as they come back; calls take text and bytes alike
 */
export interface TitanClient<V = string, K extends Key = string> extends AsyncDisposable {
  /** Stores `value`, replacing what was there, its time to live included. */
  put(key: Key, value: V, options?: PutOptions): Promise<WriteResult>;

  /** The value of `key`; `undefined` when it has none. */
  get(key: Key, options?: ReadOptions): Promise<V | undefined>;

  /** As {@link TitanClient.get}, with the revision and the time left to live. */
  getEntry(key: Key, options?: ReadOptions): Promise<Entry<V, K> | undefined>;

  /**
   * The values of `keys`, in their order; `undefined` where there is none. Each is read by itself: not all at one moment.
   * One deadline for all.
   */
  getMany(keys: readonly Key[], options?: ReadOptions): Promise<(V | undefined)[]>;

  /**
   * Stores many values, each by itself, of any shards, within one deadline; in no promised order. Rejects with the first
   * failure once all that were begun have settled: some may have been written then. {@link TitanClient.batch} writes all or
   * nothing.
   */
  putMany(entries: readonly PutEntry<V>[], options?: PutOptions): Promise<void>;

  /** Removes `key`. @returns whether there was a value to remove */
  delete(key: Key, options?: DeleteOptions): Promise<boolean>;

  /**
   * Applies the operations together: all of them or none. On the same key they apply in order. An empty
   * list is fine and sends nothing. In a cluster their keys must be on one shard, as keys with the same
   * `{hash tag}` are, unless `allowNonAtomic` is set.
   */
  batch(operations: readonly BatchOperation<V>[], options?: BatchOptions): Promise<BatchResult>;

  /**
   * Compare and set: changes `key` when it is as expected. A mismatch is an answer, not an error.
   * `await client.cas("lock", { expected: "absent", value: "me", ttlMs: 10_000 })`
   */
  cas(key: Key, request: CasRequest<V>, options?: CallOptions): Promise<CasResult<V, K>>;

  /**
   * A transaction on keys of one shard, as keys with the same `{hash tag}` are: does `then` when all conditions of `if`
   * hold, and `otherwise` when one does not; all of it at one moment. Conditions that do not hold are an answer.
   * `await client.txn({ if: [{ key: "{a}x", exists: false }], then: [{ type: "put", key: "{a}x", value: "1" }] })`
   * @throws ClientError `CLIENT_INVALID_ARGUMENT` (reason `CROSS_SHARD`) for keys of several shards
   */
  txn(request: TxnRequest<V>, options?: CallOptions): Promise<TxnResult<V, K>>;

  /**
   * Adds `delta`, a safe integer, to a counter: a value that is a decimal number as text. A missing key
   * counts as 0. Without `ttlMs` the key's time to live stays as it was. Never retried when it is not
   * known whether it happened. @throws ClientError `CLIENT_FAILED_PRECONDITION` (reason
   * `NOT_A_COUNTER`) when the value is something else or would leave ±(2^53 - 1)
   */
  increment(key: Key, delta?: number, options?: WriteOptions): Promise<IncrementResult>;

  /**
   * Reads a range in byte order. Each page is consistent in itself; writes during the scan may or may not
   * be seen. Pages are fetched as they are consumed, a few ahead at most. A failure that may be
   * retried is hidden: the scan goes on after the last entry it gave, skipping and repeating nothing.
   * Leaving the loop, by whatever way, ends the scan on the server. Can be iterated more than once, each
   * time afresh.
   */
  scan(options: ScanOptions & { readonly keysOnly: true }): AsyncIterable<KeyEntry<K>>;
  scan(
    options?: ScanOptions & { readonly keysOnly?: false | undefined },
  ): AsyncIterable<Entry<V, K>>;

  /**
   * Changes of keys as they happen, from now or from an earlier watch's `position` on: each once, those of one shard in
   * their order, through failures of nodes and moves of shards. Nothing is asked before the first event is.
   * `for await (const event of client.watch({ prefix: "jobs/" })) if (event.type === "put") run(event.value);`
   */
  watch(options: WatchOptions & { readonly keysOnly: true }): Watch<KeyWatchEvent<K>>;
  watch(
    options?: WatchOptions & { readonly keysOnly?: false | undefined },
  ): Watch<WatchEvent<V, K>>;

  /**
   * Takes the lock that `key` stands for, once it is free; waits for that until its deadline. The key is the lock's alone. It is
   * renewed by itself until it is released, or its holder is gone for `ttlMs`.
   * `await using lock = await client.lock("locks/report"); await store(report, lock.token);`
   *
   * A holder that is paused for longer than its lease does not know that it holds it no more: what must not happen then has to
   * be fenced by `lock.token`, which grows with each holder. Who waited longest does not go first.
   */
  lock(key: Key, options?: LockOptions): Promise<Lock>;

  /** As {@link TitanClient.lock}, without waiting: `undefined` when somebody else holds it. */
  tryLock(key: Key, options?: LockOptions): Promise<Lock | undefined>;

  /**
   * The election that `key` stands for, in which processes that campaign lead one at a time. The key is its alone.
   * `await using leadership = await client.election("elections/sweeper").campaign("worker-7");`
   *
   * A leader that is paused for longer than its lease does not know that it leads no more; see {@link TitanClient.lock}.
   * @throws TypeError, RangeError for a wrong key
   */
  election(key: Key): Election;

  /**
   * A set of keys that go when this process does: `ttlMs` after it ended, or at once when the lease is revoked.
   * `await using lease = client.lease(); await lease.put("workers/7", "10.0.0.7:80");`
   * Asks nothing before its first `put`. @throws TypeError, RangeError for a wrong `ttlMs`
   */
  lease(options?: LeaseOptions): Lease<V>;

  /** Orders to the cluster: nodes that leave, leaders, the balancer. */
  readonly admin: ClusterAdmin;

  /** How a node and its cluster are: the node at `endpoint`, which must be one of the client's, or any. */
  status(endpoint?: string, options?: CallOptions): Promise<NodeStatus>;

  /**
   * A view with other values. It shares everything with this client; closing one closes both.
   * `const images = client.withValues("bytes")`
   */
  withValues<const O extends ValuesOption>(values: O): TitanClient<ValueOf<O>, K>;

  /**
   * A view of another keyspace: a set of keys by itself, made with `admin.createKeyspace`. It shares everything with this
   * client; closing one closes both. Calls reject with `CLIENT_NOT_FOUND` (reason `KEYSPACE_UNKNOWN`) where there is none.
   * @throws TypeError for an empty name
   */
  keyspace(name: string): TitanClient<V, K>;

  /**
   * Ends every call under way with `CLIENT_CLOSED` and drops the connections. Later calls reject with
   * the same code. Idempotent; never rejects.
   */
  close(): Promise<void>;
}
