/** Calls from node to node, over the peers' transport. */
import type { CallLimits } from "../shard/shard-replica.js";

/** What may be asked of a peer. The numbers are on the wire. */
export const PEER_METHODS = {
  propose: 1,
  read: 2,
  scan: 3,
  changes: 4,
  shardStatus: 5,
  changeReplicas: 6,
  transferLeader: 7,
  meta: 8,
  nodeStatus: 9,
  checksum: 10,
} as const;

export type PeerMethod = keyof typeof PEER_METHODS;

/** Calls that wait for something to happen. They change nothing, and may be asked again elsewhere. */
export const WAITING_METHODS: ReadonlySet<number> = new Set([PEER_METHODS.changes]);

/**
 * Answers a call. Errors that are `KvError`s come out at the caller as such, with code, outcome and metadata; any
 * other is logged here and comes out as `INTERNAL` with outcome "unknown".
 * @param from the caller's node number
 */
export type PeerHandler = (
  from: number,
  body: Uint8Array,
  limits: CallLimits,
) => Promise<Uint8Array>;

/** See {@link PEER_METHODS}. Calls of one turn to one peer travel together. */
export interface PeerCalls {
  /** To be called once per method, before the transport starts. */
  serve(method: PeerMethod, handler: PeerHandler): void;
  /**
   * @throws KvError `PEER_UNREACHABLE` with outcome "not-applied" when the call was never sent, "unknown" when the way
   *   was lost under it; `TIMED_OUT` (unknown); `OVERLOADED` (not-applied) when too many bytes wait for this peer
   */
  call(to: number, method: PeerMethod, body: Uint8Array, limits: CallLimits): Promise<Uint8Array>;
  /** Whether a call has a way to go now. */
  isReachable(to: number): boolean;
}
