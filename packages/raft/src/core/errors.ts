/**
 * The one error class of the package. Callers test `code`, which is API; messages are prose and
 * may change.
 */

/** Why something was refused or stopped. */
export type RaftErrorCode =
  /** No leader is known in this term; try again after an election. */
  | "RAFT_NO_LEADER"
  /** This node is not the leader and may not forward; `leader` names who is, when known. */
  | "RAFT_NOT_LEADER"
  /** This leader has been removed from the configuration and takes no more proposals. */
  | "RAFT_REMOVED"
  /** Leadership is being handed over; try the new leader in at most one election timeout. */
  | "RAFT_TRANSFER_IN_PROGRESS"
  /** Uncommitted entries already fill `maxUncommittedBytes`; slow down. */
  | "RAFT_BACKLOG_FULL"
  /** One proposal is larger than `maxEntryBytes`. */
  | "RAFT_ENTRY_TOO_LARGE"
  /** Reads waiting for confirmation already number `maxPendingReads`. */
  | "RAFT_READ_BACKLOG_FULL"
  /** The configuration change cannot follow the current configuration; `reason` says why. */
  | "RAFT_CONFIG_CHANGE_REFUSED"
  /** Bytes that do not decode to a configuration change. */
  | "RAFT_CONFIG_CHANGE_MALFORMED"
  /** A response from a node that is not in the configuration. */
  | "RAFT_PEER_NOT_FOUND"
  /** A message that no correct peer sends: bad numbers, gaps, wrong addressee. Dropped. */
  | "RAFT_BAD_MESSAGE"
  /** Forgetting the leader would break lease reads. */
  | "RAFT_LEASE_READS"
  /** The entries asked for have been compacted away; a snapshot covers them. */
  | "RAFT_LOG_COMPACTED"
  /** The entries asked for are beyond the end of the log. */
  | "RAFT_LOG_UNAVAILABLE"
  /** Stored state contradicts itself or the group: this group must stop, others may go on. */
  | "RAFT_INVARIANT";

/** Why a configuration change was refused. */
export type ConfigChangeReason =
  /** An earlier change may not have been applied yet. */
  | "change-pending"
  /** The leader has not yet committed an entry of its own term. */
  | "no-commit-in-term"
  /** A learner to be promoted has not caught up; as a voter it would only hold up commits. */
  | "learner-behind"
  /** The configuration is not the one the caller expected. */
  | "config-moved"
  /** Joint already: leave it first. */
  | "already-joint"
  /** A simple change cannot be made while joint. */
  | "joint-active"
  /** Nothing to leave. */
  | "not-joint"
  /** A group without voters cannot enter a joint configuration. */
  | "no-voters"
  /** The change would leave no voter. */
  | "all-voters-removed"
  /** More than one voter differs: that needs a joint configuration. */
  | "multiple-voters"
  /** The stored configuration is inconsistent. */
  | "inconsistent";

/** Which invariant is broken, where a host can say what to do about it. */
export type InvariantReason =
  /** The leader knows of entries that this node acknowledged and does not have. */
  "acknowledged-lost";

interface RaftErrorInit {
  readonly code: RaftErrorCode;
  readonly message: string;
  readonly reason?: ConfigChangeReason | InvariantReason;
  /** Who leads, as far as this node knows. */
  readonly leader?: number;
}

/** Everything this package refuses. A refused call changed nothing: outcome "not-applied". */
export class RaftError extends Error {
  override readonly name: string = "RaftError";
  readonly code: RaftErrorCode;
  /** Whether the refused write can still take effect. Refusals never do. */
  readonly outcome = "not-applied" as const;
  readonly reason: ConfigChangeReason | InvariantReason | undefined;
  readonly leader: number | undefined;

  constructor(init: RaftErrorInit, options?: ErrorOptions) {
    super(init.message, options);
    this.code = init.code;
    this.reason = init.reason;
    this.leader = init.leader;
  }
}

/** Recognises a {@link RaftError} by shape: two copies of the package may be installed. */
export function isRaftError(value: unknown): value is RaftError {
  return value instanceof Error && value.name === "RaftError" && "code" in value;
}

/** Stops the group: going on would spread damage. The message is built only on failure. */
export function invariant(
  holds: boolean,
  describe: () => string,
  reason?: InvariantReason,
): asserts holds {
  if (holds) return;
  const why = reason === undefined ? {} : { reason };
  throw new RaftError({ code: "RAFT_INVARIANT", message: describe(), ...why });
}
