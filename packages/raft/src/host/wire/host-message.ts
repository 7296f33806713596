/** What hosts say to each other about a group, beside the messages of the protocol. */

import type { LogIndex, NodeId, Term } from "../../core/ids.js";
import type { PeerMessage } from "../../core/message.js";

/**
 * `sleep-request`: the leader of `term` has nothing to do; its log ends at `index`, all of it committed.
 * May the member stop its clock for the group? `sleep-response`: it has, as all of that holds for it, too.
 */
export interface SleepMessage {
  readonly type: "sleep-request" | "sleep-response";
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
  readonly index: LogIndex;
}

export type WireMessage = PeerMessage | SleepMessage;

export function isSleepMessage(message: WireMessage): message is SleepMessage {
  return message.type === "sleep-request" || message.type === "sleep-response";
}
