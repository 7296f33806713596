/** The one error class of the transports. Callers test `code`, which is API; messages are prose. */

/** Why a call of a transport failed. */
export type RaftTransportErrorCode =
  /** `start` was called before. */
  | "RAFT_TRANSPORT_STARTED"
  /** The transport is closed, or closed while the call was under way. */
  | "RAFT_TRANSPORT_CLOSED"
  /** The address to listen at cannot be used; `cause` says why. */
  | "RAFT_TRANSPORT_LISTEN_FAILED"
  /** No address is known for that node. */
  | "RAFT_TRANSPORT_NO_PEER"
  /** The peer does not answer, or refuses this node. */
  | "RAFT_TRANSPORT_UNREACHABLE"
  /** As many streams as allowed are open already; try again when one has ended. */
  | "RAFT_TRANSPORT_STREAM_LIMIT"
  /** The stream was lost, or one end gave up; how much arrived is unknown. */
  | "RAFT_TRANSPORT_STREAM_CUT"
  /** The receiver's handler failed; the message holds its words. */
  | "RAFT_TRANSPORT_STREAM_REFUSED";

interface RaftTransportErrorInit {
  readonly code: RaftTransportErrorCode;
  readonly message: string;
}

export class RaftTransportError extends Error {
  override readonly name: string = "RaftTransportError";
  readonly code: RaftTransportErrorCode;

  constructor(init: RaftTransportErrorInit, options?: ErrorOptions) {
    super(init.message, options);
    this.code = init.code;
  }
}

/** Recognises a {@link RaftTransportError} by shape: two copies of the package may be installed. */
export function isRaftTransportError(value: unknown): value is RaftTransportError {
  return value instanceof Error && value.name === "RaftTransportError" && "code" in value;
}

/** The words of any thrown value. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
