/**
 * What members of a group say to each other, and what a node's own storage reports to it.
 *
 * Every peer message carries sender and addressee. Those of the protocol carry the sender's term
 * too; forwarded requests do not, as they are no statement about a term.
 */

import type { Entry, ProposedEntry } from "./entry.js";
import type { LogIndex, LogPosition, NodeId, Term } from "./ids.js";
import type { Snapshot } from "./storage.js";

interface Addressed {
  readonly from: NodeId;
  readonly to: NodeId;
}

interface InTerm extends Addressed {
  readonly term: Term;
}

/**
 * Asks for a vote (`vote-request`), or whether one would be granted (`pre-vote-request`, whose
 * term is the one the sender would campaign in).
 */
export interface VoteRequest extends InTerm {
  readonly type: "vote-request" | "pre-vote-request";
  /** Where the candidate's log ends. */
  readonly last: LogPosition;
  /** The leader asked the sender to take over: leases do not stand in the way. */
  readonly isTransfer: boolean;
  /** Election priority of the candidate. */
  readonly priority: number;
  /** What the candidate knows to be committed. */
  readonly committed?: LogPosition;
}

/** A granted pre-vote carries the term asked about; anything else the sender's own. */
export interface VoteResponse extends InTerm {
  readonly type: "vote-response" | "pre-vote-response";
  readonly granted: boolean;
  /** What the refuser knows to be committed. */
  readonly committed?: LogPosition;
}

/** Entries to append after `previous`; none to probe, or to tell the commit index. */
export interface AppendRequest extends InTerm {
  readonly type: "append-request";
  readonly previous: LogPosition;
  readonly entries: readonly Entry[];
  /** The leader's commit index. */
  readonly commit: LogIndex;
}

/** Durable: the log equals the leader's up to `index`; or the refusal of an append. */
export interface AppendResponse extends InTerm {
  readonly type: "append-response";
  /** Last matching index; when refused, the index of the previous position that is missing. */
  readonly index: LogIndex;
  /** Present when refused: where the logs may meet. The term is 0 when it is not known. */
  readonly rejectedHint?: LogPosition;
}

/** Asserts leadership, and asks for confirmation of reads up to `readPosition`; 0 for none. */
export interface HeartbeatRequest extends InTerm {
  readonly type: "heartbeat-request";
  /** Never beyond what the addressee is known to have. */
  readonly commit: LogIndex;
  readonly readPosition: number;
}

export interface HeartbeatResponse extends InTerm {
  readonly type: "heartbeat-response";
  readonly readPosition: number;
}

export interface SnapshotRequest extends InTerm {
  readonly type: "snapshot-request";
  readonly snapshot: Snapshot;
}

/** The leader wants the addressee to campaign at once. */
export interface TimeoutNow extends InTerm {
  readonly type: "timeout-now";
}

/** A follower asks the leader to hand over to `transferee`. */
export interface TransferRequest extends InTerm {
  readonly type: "transfer-request";
  readonly transferee: NodeId;
}

/** Proposals forwarded by a follower. */
export interface ProposeRequest extends Addressed {
  readonly type: "propose-request";
  readonly entries: readonly ProposedEntry[];
}

/** A read forwarded by a follower. */
export interface ReadRequest extends Addressed {
  readonly type: "read-request";
  /** The asker's own number for the read, handed back. */
  readonly context: number;
}

/** The read may be served once the asker has applied up to `index`. */
export interface ReadResponse extends InTerm {
  readonly type: "read-response";
  readonly context: number;
  readonly index: LogIndex;
}

export type PeerMessage =
  | VoteRequest
  | VoteResponse
  | AppendRequest
  | AppendResponse
  | HeartbeatRequest
  | HeartbeatResponse
  | SnapshotRequest
  | TimeoutNow
  | TransferRequest
  | ProposeRequest
  | ReadRequest
  | ReadResponse;

/** An append task, and all before it, is in stable storage. */
export interface AppendDone {
  readonly type: "append-done";
  readonly to: NodeId;
  /** Term in which the task was handed out. In a later one `last` proves nothing any more. */
  readonly term: Term;
  /** Where the log ended when the task was handed out; absent when all of it was stable. */
  readonly last?: LogPosition;
  /** The snapshot the task carried. */
  readonly snapshot?: Snapshot;
}

/** An apply task, and all before it, has been applied. */
export interface ApplyDone {
  readonly type: "apply-done";
  readonly to: NodeId;
  readonly entries: readonly Entry[];
}

/** What the roles handle each in their way; campaigns are answered alike by all. */
export type RoleMessage = Exclude<PeerMessage, VoteRequest>;

/** Comes from the node's own storage, never from the network. */
export type StorageMessage = AppendDone | ApplyDone;

export type Message = PeerMessage | StorageMessage;

export type MessageType = Message["type"];

export function isStorageMessage(message: Message): message is StorageMessage {
  return message.type === "append-done" || message.type === "apply-done";
}

export function isVoteRequest(message: PeerMessage): message is VoteRequest {
  return message.type === "vote-request" || message.type === "pre-vote-request";
}

const RESPONSES: ReadonlySet<MessageType> = new Set([
  "append-response",
  "vote-response",
  "pre-vote-response",
  "heartbeat-response",
  "read-response",
] as const);

/** Types that make sense only from a member that the receiver tracks. */
export function isResponse(message: PeerMessage): boolean {
  return RESPONSES.has(message.type);
}
