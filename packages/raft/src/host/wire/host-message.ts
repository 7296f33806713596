/** What hosts say to each other about a group, beside the messages of the protocol. */

import type { LogIndex, NodeId, Term } from "../../core/ids.js";
import type { PeerMessage } from "../../core/message.js";

interface Addressed {
  readonly from: NodeId;
  readonly to: NodeId;
}

/**
 * `sleep-request`: the leader of `term` has nothing to do; its log ends at `index`, all of it committed.
 * May the member stop its clock for the group? `sleep-response`: it has, as all of that holds for it, too.
 */
export interface SleepMessage extends Addressed {
  readonly type: "sleep-request" | "sleep-response";
  readonly term: Term;
  readonly index: LogIndex;
}

/**
 * `resume-request`: the transfer of the snapshot `name` broke off; how much of it is there?
 * `resume-response`: `offset` bytes. In the header of a stream: its body begins at that byte.
 */
export interface ResumeMessage extends Addressed {
  readonly type: "resume-request" | "resume-response";
  /** The sender's name of the snapshot. To the receiver it is bytes to compare, and nothing else. */
  readonly name: string;
  readonly offset: number;
}

/**
 * `lease-request`: the leader of `term` asks, for the time numbered `round`, for a promise of `promiseMs`
 * not to help anybody else to lead. `lease-response`: promised.
 */
export interface LeaseMessage extends Addressed {
  readonly type: "lease-request" | "lease-response";
  readonly term: Term;
  readonly round: number;
  readonly promiseMs: number;
}

/** What only hosts say about a group. */
export type GroupTalk = SleepMessage | LeaseMessage;

export type WireMessage = PeerMessage | GroupTalk | ResumeMessage;

export function isSleepMessage(message: WireMessage): message is SleepMessage {
  return message.type === "sleep-request" || message.type === "sleep-response";
}

export function isLeaseMessage(message: WireMessage): message is LeaseMessage {
  return message.type === "lease-request" || message.type === "lease-response";
}

export function isResumeMessage(message: WireMessage): message is ResumeMessage {
  return message.type === "resume-request" || message.type === "resume-response";
}
