/** What changes the map: commands of the meta group, and what comes of them. */
import type { KvErrorCode } from "../kv/kv-error.js";
import type { ClusterMap, NodeState, ShardMove } from "./cluster-map.js";

/** What a node says of itself, and may change from start to start. */
export interface NodeFacts {
  readonly grpcAddr: string;
  readonly raftAddr: string;
  readonly zone: string;
  readonly weight: number;
}

interface OfMove {
  readonly shard: number;
  readonly move: ShardMove;
  /** Refused when the map has another epoch. */
  readonly ifEpoch?: number | undefined;
}

export type MapCommand =
  /** The first map. Does nothing once there is one of the same cluster. */
  | { readonly type: "found"; readonly map: ClusterMap }
  /** Of a node that joins; repeated by the same node it only brings the facts up to date. */
  | ({
      readonly type: "add-node";
      readonly id: string;
      readonly joinToken: string;
    } & NodeFacts)
  | ({ readonly type: "update-node"; readonly node: number } & NodeFacts)
  | {
      readonly type: "set-node-state";
      readonly node: number;
      readonly state: NodeState;
      /** Refused when it is in another one. */
      readonly ifState?: NodeState | undefined;
    }
  | { readonly type: "create-keyspace"; readonly name: string; readonly defaultTtlMs: number }
  | { readonly type: "drop-keyspace"; readonly name: string }
  /** All shards have removed its keys. */
  | { readonly type: "finish-drop-keyspace"; readonly keyspace: number }
  /** From now on `move.add` may keep a replica. */
  | ({ readonly type: "begin-move" } & OfMove)
  /**
   * The move is over, and these keep the shard now: what its group's configuration says, whether it changed or not.
   * Refused unless that very move is under way.
   */
  | ({ readonly type: "finish-move"; readonly replicas: readonly number[] } & OfMove)
  /** Who should lead: the first. The same replicas in another order. */
  | {
      readonly type: "set-replica-order";
      readonly shard: number;
      readonly replicas: readonly number[];
      readonly ifEpoch?: number | undefined;
    }
  | { readonly type: "pause-balancer"; readonly isPaused: boolean };

/** The same on all members. `epoch`: of the map that holds the change. */
export type MapResult =
  | {
      readonly type: "done";
      readonly epoch: number;
      /** Number of the node that was added, or of the keyspace that was made. */
      readonly number?: number | undefined;
    }
  | {
      readonly type: "refused";
      readonly code: KvErrorCode;
      readonly message: string;
      readonly metadata: Readonly<Record<string, string>>;
    };
