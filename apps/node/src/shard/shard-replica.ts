/** A shard's replica on this node, for those who route to it. */
import type { Revision } from "../kv/revision.js";
import type { ScanEntry } from "../kv/scan-request.js";
import type { ReadEntry } from "./shard-command.js";

/** Deadline and cancellation of a call. */
export interface CallLimits {
  /** Milliseconds that the call may take from now on. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** How fresh a read has to be. */
export type Freshness =
  | { readonly type: "linearizable" }
  | {
      readonly type: "stale";
      /** 0: any age. Otherwise the state must be provably no older than this, or the read is refused. */
      readonly maxStalenessMs: number;
      /** The state has to include this revision. 0: none in particular. */
      readonly atLeast: number;
    };

/** Keys of one keyspace in byte order; see `EngineRange`. */
export interface ShardRange {
  readonly keyspace: number;
  readonly from: Uint8Array;
  readonly afterFrom: boolean;
  /** Not included. Empty: to the end of the keyspace. */
  readonly to: Uint8Array;
  readonly reverse: boolean;
}

export interface ShardPage {
  readonly entries: readonly ScanEntry[];
  /** Whether the range holds more behind the last entry. */
  readonly isMore: boolean;
  readonly nowMs: number;
  readonly shardRevision: Revision;
}

/** One change of one key, in the order of the shard's log. */
export interface ShardChange {
  readonly kind: "put" | "delete" | "expire";
  readonly keyspace: number;
  readonly key: Uint8Array;
  /** Of a put; empty otherwise. */
  readonly value: Uint8Array;
  readonly revision: Revision;
  readonly expiresAtMs: number | undefined;
}

/** Changes with revisions above the one asked for, up to `progress` and none after. */
export type ShardHistory =
  | {
      readonly type: "changes";
      readonly changes: readonly ShardChange[];
      readonly progress: number;
    }
  /** Changes after `from` are not known any more; a watch can start from `oldest`. */
  | { readonly type: "compacted"; readonly oldest: number };

/** Figures for status, balancing and metrics. */
export interface ShardStatus {
  readonly shard: number;
  readonly role: "leader" | "follower" | "candidate" | "learner";
  readonly leader: number | undefined;
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly keys: number;
  readonly liveBytes: number;
  readonly deadBytes: number;
  readonly dataFiles: number;
  /** Node numbers; as applied on this replica. */
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learners: readonly number[];
  /** At the leader: entries that each member is behind. */
  readonly lag: ReadonlyMap<number, number>;
}

/**
 * Errors are `KvError`s with an outcome. `NOT_LEADER` (metadata `leader`: the leader's node number, or "") when
 * the call has to be made elsewhere; `NO_LEADER`, `TIMED_OUT`, `OVERLOADED`, `TOO_STALE`, `DISK_FULL`, …
 */
export interface ShardReplica {
  readonly shard: number;
  readonly isLeader: boolean;
  /** Number of the node that leads, as far as this replica knows. */
  readonly leader: number | undefined;
  /**
   * Replicates a command, encoded by `encodeCommand`; the leader stamps its time. To be called at the leader.
   * @param command this call's from now on
   * @returns the encoded `ShardResult`; `decodeResult` throws its refusals
   */
  propose(command: Uint8Array, limits: CallLimits): Promise<Uint8Array>;
  /** Any replica serves; a follower asks the leader how far it has to be. */
  read(
    keyspace: number,
    keys: readonly Uint8Array[],
    freshness: Freshness,
    limits: CallLimits,
  ): Promise<readonly ReadEntry[]>;
  /** A page of at most `maxKeys` entries, ended when `maxBytes` are reached. From one state of the shard. */
  scan(
    range: ShardRange,
    page: { readonly maxKeys: number; readonly maxBytes: number; readonly keysOnly: boolean },
    freshness: Freshness,
    limits: CallLimits,
  ): Promise<ShardPage>;
  /**
   * Changes behind `from`, of all keyspaces; waits up to `waitMs` for one.
   * @param from a revision, all of whose changes the caller has; "now" for the state of the call
   */
  changes(from: number | "now", waitMs: number, limits: CallLimits): Promise<ShardHistory>;
  status(): ShardStatus;
}
