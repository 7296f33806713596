/** What calls take and give, as plain shapes. */
import type { ClusterStatus } from "./cluster-status.js";
import type { Key } from "./keys.js";

/** Bounds of one call. */
export interface CallOptions {
  /** Milliseconds until the call gives up, waiting and retries included. @default the client's `timeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** Ends the call with `CLIENT_ABORTED` when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** Bounds and freshness of a read. */
export interface ReadOptions extends CallOptions {
  /**
   * `"linearizable"`: sees every write that was answered before the read began. `"stale"`: any replica answers from what
   * it has, also in a part of the cluster that is cut off. @default "linearizable"
   */
  readonly consistency?: "linearizable" | "stale" | undefined;
  /**
   * With `"stale"`: refuse (`CLIENT_FAILED_PRECONDITION`, reason `TOO_STALE`) rather than answer with state that is not
   * provably younger, in milliseconds; at least 1. @default any age
   */
  readonly maxStalenessMs?: number | undefined;
  /**
   * Ask another node as well when there is no answer after so many milliseconds, and take the first answer; at least 1. Some
   * more than most reads take cuts off their tail at little cost. Does nothing while only one node is connected.
   * @default never
   */
  readonly hedgeAfterMs?: number | undefined;
}

/** Bounds and settings of a write. */
export interface WriteOptions extends CallOptions {
  /** Milliseconds that the value lives once written; at least 1. Absent: it does not expire. */
  readonly ttlMs?: number | undefined;
}

/** Settings of a write that is the same when done twice. */
export interface RetryUnknown {
  /**
   * Also retry when it is not known whether the write happened. The write may then happen twice, and the
   * second time may undo what someone else wrote in between. For `delete`, `existed` may then be `false`
   * though it was this call that removed the key. @default false
   */
  readonly retryUnknown?: boolean | undefined;
}

/** One of many puts. */
export interface PutEntry<V> {
  readonly key: Key;
  readonly value: V;
  /** Milliseconds that the value lives once written; at least 1. @default that of the call */
  readonly ttlMs?: number | undefined;
}

export interface PutOptions extends WriteOptions, RetryUnknown {}
export interface DeleteOptions extends CallOptions, RetryUnknown {}

/** A write that happened. */
export interface WriteResult {
  /** Grows with every change of a shard; names this version of the key. */
  readonly revision: number;
}

/** A key with what is stored under it. */
export interface Entry<V, K extends Key = string> {
  readonly key: K;
  readonly value: V;
  /** The version of the key: the revision of its last change. */
  readonly revision: number;
  /** Milliseconds left to live when the server answered; absent when the key does not expire. */
  readonly ttlMs?: number;
}

/** A key without its value. */
export type KeyEntry<K extends Key = string> = Omit<Entry<unknown, K>, "value">;

/** Options of a batch. */
export interface BatchOptions extends CallOptions {
  /**
   * Takes keys of several shards: each shard's part is applied together or not at all, but one part may be and
   * another not. Without it such a batch is refused (`CLIENT_INVALID_ARGUMENT`, reason `CROSS_SHARD`); keys with the
   * same `{hash tag}` are on one shard. Default: false.
   */
  readonly allowNonAtomic?: boolean | undefined;
}

/** One write of a batch. */
export type BatchOperation<V> =
  | {
      readonly type: "put";
      readonly key: Key;
      readonly value: V;
      readonly ttlMs?: number | undefined;
    }
  | { readonly type: "delete"; readonly key: Key };

export interface BatchResult {
  /** One position for each shard that was written. */
  readonly revisions: readonly { readonly shard: number; readonly revision: number }[];
}

/** The state that `cas` expects: this value, this version, no value at all, or any value. */
export type Expected<V> =
  | { readonly value: V }
  | { readonly revision: number }
  | "absent"
  | "present";

/** What `cas` does on a match: store `value` (for `ttlMs` milliseconds), or remove the key. */
export type CasRequest<V> = { readonly expected: Expected<V> } & (
  | {
      readonly value: V;
      readonly ttlMs?: number | undefined;
      readonly remove?: undefined | false;
    }
  | { readonly remove: true; readonly value?: undefined; readonly ttlMs?: undefined }
);

/** Whether the key was as expected; when it was not, what it held instead. */
export type CasResult<V, K extends Key = string> =
  | { readonly applied: true; readonly revision: number }
  | { readonly applied: false; readonly current: Entry<V, K> | undefined };

export interface IncrementResult extends WriteResult {
  /** The counter after the change, within ±(2^53 - 1). */
  readonly value: number;
}

/** How what is stored relates to what is named; values by their bytes. */
export type Comparison = "equal" | "not-equal" | "less" | "greater";

/**
 * A condition of a transaction on one key: its value or revision compared with this one (`is`: by default "equal"), or
 * whether it has a value. A key without one has revision 0, and of comparisons by value only "not-equal" holds.
 */
export type TxnCompare<V> = { readonly key: Key } & (
  | { readonly value: V; readonly is?: Comparison | undefined }
  | { readonly revision: number; readonly is?: Comparison | undefined }
  | { readonly exists: boolean }
);

/** What a transaction does. */
export type TxnOperation<V> = BatchOperation<V> | { readonly type: "get"; readonly key: Key };

export interface TxnRequest<V> {
  /** Conditions; none: they hold. */
  readonly if?: readonly TxnCompare<V>[] | undefined;
  /** Done in order when all conditions hold. */
  readonly then?: readonly TxnOperation<V>[] | undefined;
  /** Done in order when one does not. */
  readonly otherwise?: readonly TxnOperation<V>[] | undefined;
}

/** What came of one operation of a transaction. */
export type TxnAnswer<V, K extends Key = string> =
  | { readonly type: "put" }
  | { readonly type: "delete"; readonly existed: boolean }
  | { readonly type: "get"; readonly entry: Entry<V, K> | undefined };

export interface TxnResult<V, K extends Key = string> extends WriteResult {
  /** Whether all conditions held. */
  readonly succeeded: boolean;
  /** One for each operation of the list that was done. */
  readonly answers: readonly TxnAnswer<V, K>[];
}

/** A set of keys by itself. */
export interface KeyspaceInfo {
  readonly name: string;
  /** Milliseconds that values without a time to live of their own live; `undefined`: they do not expire. */
  readonly defaultTtlMs: number | undefined;
}

/** Which keys a scan gives, in byte order. Nothing set: all of them. */
export interface ScanOptions extends Pick<ReadOptions, "consistency" | "maxStalenessMs"> {
  /** Only keys that begin with this. Can be combined with the bounds. */
  readonly prefix?: Key | undefined;
  /** First key, included. */
  readonly start?: Key | undefined;
  /** End, not included. */
  readonly end?: Key | undefined;
  /** From the end to the beginning. @default false */
  readonly reverse?: boolean | undefined;
  /** Stop after so many keys; at least 1. @default all */
  readonly limit?: number | undefined;
  /** Leave the values out. @default false */
  readonly keysOnly?: boolean | undefined;
  /** Keys that travel together; bounds memory with small entries. @default the server's choice */
  readonly pageSize?: number | undefined;
  /** Milliseconds to wait for each page, retries included; time spent by the consumer does not count.
   * @default the client's `timeoutMs` */
  readonly timeoutMs?: number | undefined;
  /** Ends the scan with `CLIENT_ABORTED` when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/** How a node is, and its cluster. Sizes in bytes. */
export interface NodeStatus {
  /** `host:port` of the endpoint that answered. */
  readonly endpoint: string;
  readonly nodeId: string;
  readonly version: string;
  readonly uptimeMs: number;
  readonly requestsInFlight: number;
  /** Bounds that the node puts on requests; `undefined` when it does not say. */
  readonly limits:
    | {
        readonly keyBytes: number;
        readonly valueBytes: number;
        readonly batchBytes: number;
        readonly batchOperations: number;
        readonly concurrentRequests: number;
      }
    | undefined;
  /** The node's store; `undefined` when it does not say. */
  readonly store:
    | {
        readonly keys: number;
        readonly liveBytes: number;
        readonly deadBytes: number;
        readonly dataFiles: number;
        readonly diskFreeBytes: number;
      }
    | undefined;
  /** The cluster as the node sees it; `undefined` until it belongs to one. */
  readonly cluster: ClusterStatus | undefined;
}
