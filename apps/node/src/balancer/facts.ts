/** What the balancer decides on, and what it may decide. */
import type { ClusterMap } from "../cluster/cluster-map.js";

/** A shard's group, as its leader sees it. */
export interface ShardFacts {
  /** Number of the node that leads. */
  readonly leader: number;
  /** Of the applied configuration; while it is joint also those of the outgoing half. */
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
  readonly learners: readonly number[];
  /** Entries that each member is behind, by node number. */
  readonly lag: ReadonlyMap<number, number>;
}

/** The cluster at one moment, as the meta leader sees it. */
export interface ClusterFacts {
  readonly map: ClusterMap;
  /** By number; a shard whose leader did not answer is not there. */
  readonly shards: ReadonlyMap<number, ShardFacts>;
  /** Numbers of the nodes that answer. */
  readonly reachable: ReadonlySet<number>;
  /** For nodes that do not answer: milliseconds since they last did, or since this leader began to ask. */
  readonly silentMs: ReadonlyMap<number, number>;
  /** Shards whose leader was changed so recently that it is left alone, for what it did or why it failed. */
  readonly settling: ReadonlySet<number>;
}

/** The balancer's next deed. Each may be done twice with no harm. */
export type Step =
  /** Of the map. */
  | {
      readonly type: "begin-move";
      readonly shard: number;
      readonly add: number | undefined;
      readonly remove: number | undefined;
    }
  | { readonly type: "finish-move"; readonly shard: number; readonly replicas: readonly number[] }
  | { readonly type: "prefer"; readonly shard: number; readonly replicas: readonly number[] }
  | { readonly type: "drain"; readonly node: number }
  | { readonly type: "mark-left"; readonly node: number }
  /** Of a shard's group. */
  | { readonly type: "add-learner"; readonly shard: number; readonly node: number }
  | {
      readonly type: "change-voters";
      readonly shard: number;
      readonly add: number | undefined;
      readonly remove: number | undefined;
    }
  | { readonly type: "transfer-leader"; readonly shard: number; readonly to: number };

/** What is to be done next, or what is waited for. */
export type Plan =
  | { readonly type: "step"; readonly step: Step }
  | { readonly type: "wait"; readonly reason: string }
  /** Everything is where it should be. */
  | { readonly type: "even" };

export interface PlanOptions {
  /** A learner that is no more entries behind counts as caught up. */
  readonly caughtUpLag: number;
  /** Milliseconds after which a node that does not answer is replaced. Infinity: never. */
  readonly replaceAfterMs: number;
}
