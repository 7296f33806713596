/** Settings of a node, their defaults and their limits. */

import { type LogIndex, type NodeId, type Term, toLogIndex, toNodeId } from "./ids.js";
import type { LogStorage } from "./storage.js";

/** Uniform integers in [0, bound), 1 <= bound <= 2^32; seeded in tests so a failing run replays. */
export interface Random {
  nextInt(bound: number): number;
}

/** What a node cannot do without. */
export interface RaftCoreDeps {
  readonly id: number;
  readonly storage: LogStorage;
  readonly random: Random;
  /** Spares a leader's reads the round that confirms it. @default none: every read has its round */
  readonly lease?: LeaderLease;
  /** Told of each step of the protocol as it happens, for traces and metrics. */
  readonly observer?: CoreObserver;
}

/**
 * A promise with a time limit, that members give to their leader and the host measures on real clocks,
 * as this node knows only ticks. All members of a group keep such promises, or none does.
 */
export interface LeaderLease {
  /** As leader of `term`: a majority has promised, and its promises last. */
  isHeld(term: Term): boolean;
  /**
   * As any other: this node has promised, or may have before it was restarted, and its promise lasts.
   * Until then it helps nobody to take over, itself included, unless the leader has asked for it.
   */
  isGranted(): boolean;
}

/**
 * - `read-index`: a majority confirms the leader before each batch of reads. Safe whatever clocks do.
 * - `lease`: the leader trusts that it would have heard of its end. Needs `checkQuorum`, and that
 *   ticks run at about the same speed everywhere.
 */
export type ReadMode = "read-index" | "lease";

/**
 * How a leader treats a configuration change that cannot follow the present configuration.
 * - `strict`: refuses it with an error. So it does before it has committed an entry of its own term,
 *   and with promotions of learners that have not caught up.
 * - `lenient`: appends an empty entry in its place, as etcd/raft does, and asks for no commit first.
 * - `off`: appends it. Only for callers that serialize and check changes themselves: a change that
 *   is invalid when it is applied stops the group.
 */
export type ConfigChangeValidation = "strict" | "lenient" | "off";

export interface RaftCoreOptions {
  /** Ticks without a leader before an election, at least; drawn from [n, 2n). @default 10 */
  readonly electionTicks?: number;
  /** Ticks between heartbeats; fewer than `electionTicks`. @default 1 */
  readonly heartbeatTicks?: number;
  /** The state machine already holds everything up to here. @default the start of the log */
  readonly applied?: number;
  /** Bytes of entries in one append; one entry always fits. @default 1_048_576 (1 MiB) */
  readonly maxAppendBytes?: number;
  /** Bytes of entries handed out to be applied and not yet reported done; one entry always fits.
   *  @default 16_777_216 (16 MiB) */
  readonly maxApplyingBytes?: number;
  /** Payload bytes a leader may have uncommitted before it refuses more. @default 67_108_864 (64 MiB) */
  readonly maxUncommittedBytes?: number;
  /** Payload bytes of one proposal. @default 16_777_216 (16 MiB) */
  readonly maxEntryBytes?: number;
  /** Appends sent to one member and not acknowledged. @default 256 */
  readonly maxInflightMessages?: number;
  /** Payload bytes of those; at least `maxAppendBytes`. @default 16_777_216 (16 MiB) */
  readonly maxInflightBytes?: number;
  /** Reads waiting for confirmation, over all askers. @default 65_536 */
  readonly maxPendingReads?: number;
  /** A leader that does not hear from a majority for an election timeout steps down. @default true */
  readonly checkQuorum?: boolean;
  /** Ask whether an election could be won before raising the term (Raft thesis §9.6). @default true */
  readonly preVote?: boolean;
  /** @default "read-index" */
  readonly readMode?: ReadMode;
  /** A leader that is removed or demoted becomes a follower. @default true */
  readonly stepDownOnRemoval?: boolean;
  /** Followers pass proposals on to the leader instead of refusing them. @default true */
  readonly forwardProposals?: boolean;
  /** @default "strict" */
  readonly configChangeValidation?: ConfigChangeValidation;
  /** Entries by which a learner may lag when it is promoted, under `strict` validation.
   *  @default 1_024 */
  readonly maxPromotionLag?: number;
  /**
   * Hand out committed entries to be applied before the local write of them is reported done. Only
   * for hosts that apply after that write all the same. @default false
   */
  readonly applyBeforeStable?: boolean;
  /**
   * Candidates and those who refuse them tell each other what is committed. Without it, a group can
   * stand still for ever when the one node that knows of a committed configuration change may not
   * lead any more, while the others still need its vote. @default true
   */
  readonly shareCommitInElections?: boolean;
  /** Of members whose logs are equally good, one with a higher priority is elected. @default 0 */
  readonly priority?: number;
}

/** What an observer is told. Values are those after the event. */
export type CoreEvent =
  | {
      readonly type: "became";
      readonly role: Role;
      readonly term: number;
      readonly leader?: NodeId;
    }
  | { readonly type: "campaigning"; readonly term: number; readonly isPreVote: boolean }
  | {
      readonly type: "voted";
      readonly candidate: NodeId;
      readonly granted: boolean;
      readonly isPreVote: boolean;
    }
  | { readonly type: "configuration-changed"; readonly at: LogIndex }
  | { readonly type: "config-change-ignored"; readonly reason: string }
  | { readonly type: "snapshot-sent"; readonly to: NodeId; readonly index: LogIndex }
  /** `to` has to be sent a snapshot, and the storage has none, or none of index `from` or later. */
  | { readonly type: "snapshot-needed"; readonly to: NodeId; readonly from: LogIndex }
  | { readonly type: "snapshot-restored"; readonly index: LogIndex }
  | { readonly type: "quorum-lost"; readonly term: number }
  | { readonly type: "message-ignored"; readonly message: string; readonly reason: string };

export type CoreObserver = (event: CoreEvent) => void;

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

const MIB = 1024 * 1024;

export type ResolvedOptions = Required<Omit<RaftCoreOptions, "applied">> & {
  readonly id: NodeId;
  readonly applied: LogIndex;
};

const DEFAULTS: Required<RaftCoreOptions> = {
  electionTicks: 10,
  heartbeatTicks: 1,
  applied: 0,
  maxAppendBytes: MIB,
  maxApplyingBytes: 16 * MIB,
  maxUncommittedBytes: 64 * MIB,
  maxEntryBytes: 16 * MIB,
  maxInflightMessages: 256,
  maxInflightBytes: 16 * MIB,
  maxPendingReads: 65_536,
  checkQuorum: true,
  preVote: true,
  readMode: "read-index",
  stepDownOnRemoval: true,
  forwardProposals: true,
  configChangeValidation: "strict",
  maxPromotionLag: 1_024,
  applyBeforeStable: false,
  shareCommitInElections: true,
  priority: 0,
};

/**
 * Fills in defaults and checks every setting once, so that inner code never has to.
 * @throws RangeError naming the setting
 */
export function resolveOptions(id: number, options: RaftCoreOptions): ResolvedOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const merged = { ...DEFAULTS, ...(Object.fromEntries(given) as RaftCoreOptions) };
  requireAtLeast("heartbeatTicks", merged.heartbeatTicks, 1);
  requireAtLeast("electionTicks", merged.electionTicks, merged.heartbeatTicks + 1);
  requireAtLeast("maxInflightMessages", merged.maxInflightMessages, 1);
  requireAtLeast("maxPendingReads", merged.maxPendingReads, 1);
  requireAtLeast("maxPromotionLag", merged.maxPromotionLag, 0);
  requireBytes("maxAppendBytes", merged.maxAppendBytes, 0);
  requireBytes("maxApplyingBytes", merged.maxApplyingBytes, 1);
  requireBytes("maxUncommittedBytes", merged.maxUncommittedBytes, 1);
  requireBytes("maxEntryBytes", merged.maxEntryBytes, 1);
  requireBytes("maxInflightBytes", merged.maxInflightBytes, Math.max(1, merged.maxAppendBytes));
  if (!Number.isSafeInteger(merged.priority)) {
    throw new RangeError(`priority must be a safe integer: ${merged.priority}`);
  }
  if (merged.readMode === "lease" && !merged.checkQuorum) {
    throw new RangeError("readMode lease needs checkQuorum");
  }
  return { ...merged, id: toNodeId(id), applied: toLogIndex(merged.applied) };
}

function requireAtLeast(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name} must be an integer of at least ${least}: ${value}`);
  }
}

/** Bytes may be Infinity: no limit. */
function requireBytes(name: string, value: number, least: number): void {
  if (value === Number.POSITIVE_INFINITY) return;
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name} must be Infinity or an integer of at least ${least}: ${value}`);
  }
}
