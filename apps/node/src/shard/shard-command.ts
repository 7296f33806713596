/**
 * What is replicated in a shard's group, and what comes of it. A command carries all that its effect depends
 * on beside the shard's state: no clock is read and no dice are thrown when it is applied.
 */

import type { Entry } from "../kv/entry.js";
import type { KvErrorCode, Outcome } from "../kv/kv-error.js";
import type {
  CompareAndSet,
  CompareAndSetResult,
  Txn,
  TxnStepResult,
  WriteOperation,
} from "../kv/requests.js";
import type { Revision } from "../kv/revision.js";

/** What a user asks of one shard. */
export type ShardWrite =
  | {
      readonly type: "put";
      readonly keyspace: number;
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly ttlMs: number;
    }
  | { readonly type: "delete"; readonly keyspace: number; readonly key: Uint8Array }
  | {
      readonly type: "batch";
      readonly keyspace: number;
      readonly operations: readonly WriteOperation[];
    }
  | ({ readonly type: "compare-and-set" } & CompareAndSet)
  | {
      readonly type: "increment";
      readonly keyspace: number;
      readonly key: Uint8Array;
      readonly delta: number;
      readonly ttlMs: number;
    }
  | ({
      readonly type: "txn";
      /** Most bytes of values that it may read together; with more it is refused. */
      readonly responseBytes: number;
    } & Txn);

/** What the shard's leader asks of it for the sake of order. */
export type ShardUpkeep =
  /** Moves the shard's clock to the command's time and removes what has expired by then, up to a bound. */
  | { readonly type: "expire" }
  /** Removes keys of a dropped keyspace, up to a bound. */
  | { readonly type: "drop-keyspace"; readonly keyspace: number }
  | {
      readonly type: "open-session";
      readonly sessionId: Uint8Array;
      readonly idleTimeoutMs: number;
    }
  | { readonly type: "close-session"; readonly sessionId: Uint8Array }
  /** Each replica works out a digest of its state as of this command; see `OpenShardReplica.checksum`. */
  | { readonly type: "checksum" };

/** Names a write within a session, so that a repetition is recognised; see `WriteId` in the contract. */
export interface WriteId {
  readonly sessionId: Uint8Array;
  readonly sequence: number;
  readonly acknowledgedBelow: number;
}

export interface ShardCommand {
  readonly body: ShardWrite | ShardUpkeep;
  /** Time of the proposing leader, ms since the Unix epoch. The shard's clock never goes back for it. */
  readonly atMs: number;
  readonly writeId: WriteId | undefined;
}

/** What came of a command; `revision` is its index in the shard's log. */
export type ShardResult =
  | { readonly type: "put"; readonly revision: Revision }
  | { readonly type: "delete"; readonly existed: boolean; readonly revision: Revision }
  | { readonly type: "batch"; readonly revision: Revision }
  | ({ readonly type: "compare-and-set"; readonly nowMs: number } & CompareAndSetResult)
  | { readonly type: "increment"; readonly value: number; readonly revision: Revision }
  | {
      readonly type: "txn";
      readonly succeeded: boolean;
      readonly results: readonly TxnStepResult[];
      readonly revision: Revision;
      /** The shard's clock, for what is left of a time to live. */
      readonly nowMs: number;
    }
  /** How much is left to do: call again while it is true. */
  | { readonly type: "expire" | "drop-keyspace"; readonly isMore: boolean }
  | { readonly type: "open-session" | "close-session" }
  | { readonly type: "checksum"; readonly revision: Revision }
  | ShardRefusal;

/** A refusal that all replicas come to alike: the command changed nothing. */
export interface ShardRefusal {
  readonly type: "refused";
  readonly code: KvErrorCode;
  readonly message: string;
  /** "unknown" when an earlier proposal of the same write may have been applied. */
  readonly outcome: Outcome;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A key with what it holds, as seen in one shard at `nowMs` of the shard's clock. */
export interface ReadEntry {
  readonly entry: Entry | undefined;
  readonly nowMs: number;
  /** The shard's revision up to which the answer is current. */
  readonly shardRevision: Revision;
}
