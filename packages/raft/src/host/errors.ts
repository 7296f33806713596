/** What a host refuses or reports. Callers test `code`, which is API; messages may change. */

export type RaftHostErrorCode =
  /** The host, or the group, has been closed or removed. */
  | "RAFT_HOST_CLOSED"
  /** No such group on this host. */
  | "RAFT_HOST_UNKNOWN_GROUP"
  /** The group is open already. */
  | "RAFT_HOST_GROUP_OPEN"
  /** The group has stopped on this host; `cause` says why. Other groups go on. */
  | "RAFT_HOST_GROUP_FAILED"
  /** The shared log failed: all groups have stopped. Open it anew, in a new process. */
  | "RAFT_HOST_LOG_FAILED"
  /** Proposals or reads that wait already fill their limit, or entries the log's index; slow down. */
  | "RAFT_HOST_OVERLOADED"
  /** The log cannot take more for want of space; reads go on. */
  | "RAFT_HOST_NO_SPACE"
  /** The time given for the call has run out. */
  | "RAFT_HOST_TIMEOUT"
  /** Another leader's entry was committed in the place of the proposed one. */
  | "RAFT_HOST_SUPERSEDED"
  /** This host lost sight of the proposal: a snapshot took the place of the log around it. */
  | "RAFT_HOST_LOST_SIGHT"
  /** No such session any more: another attempt at the request may have been applied before. */
  | "RAFT_HOST_SESSION_EXPIRED"
  /** Too many requests of the session wait for the client to say that it has their answers. */
  | "RAFT_HOST_SESSION_FULL"
  /** The client has said that it has the answer to this request, so it was forgotten. */
  | "RAFT_HOST_ALREADY_ANSWERED"
  /** The request was applied by an earlier proposal, whose answer is not known any more. */
  | "RAFT_HOST_ANSWER_LOST"
  /** State machine and log do not fit: files of one were lost, or belong to another member. Remove
   *  this member from the group and add a new one, with a node id never used before. */
  | "RAFT_HOST_STATE_MISMATCH"
  /** This member has less than it acknowledged: its disk was lost, or set back. Remove it from the
   *  group and add a new one, with a node id never used before. */
  | "RAFT_HOST_STATE_LOST"
  /** Two settings contradict each other; the message names both, with what they are. */
  | "RAFT_HOST_SETTINGS_CONFLICT"
  /** The snapshot that the log names is missing or damaged. */
  | "RAFT_HOST_SNAPSHOT_DAMAGED"
  /** The files of snapshots could not be listed, read or written; `cause` says why. */
  | "RAFT_HOST_FILES_FAILED"
  /** A committed entry that this release cannot read, or the state machine failed. */
  | "RAFT_HOST_APPLY_FAILED";

/**
 * What became of a proposal. `"applied"`: it has been. `"unknown"`: it may have been, or may still be, applied, so only an
 * idempotent one may be tried again.
 */
export type ProposalOutcome = "applied" | "not-applied" | "unknown";

interface RaftHostErrorInit {
  readonly code: RaftHostErrorCode;
  readonly message: string;
  readonly outcome?: ProposalOutcome;
}

export class RaftHostError extends Error {
  override readonly name: string = "RaftHostError";
  readonly code: RaftHostErrorCode;
  readonly outcome: ProposalOutcome;

  constructor(init: RaftHostErrorInit, options?: ErrorOptions) {
    super(init.message, options);
    this.code = init.code;
    this.outcome = init.outcome ?? "not-applied";
  }
}

/** Recognises a {@link RaftHostError} by shape: two copies of the package may be installed. */
export function isRaftHostError(value: unknown): value is RaftHostError {
  return value instanceof Error && value.name === "RaftHostError" && "code" in value;
}
