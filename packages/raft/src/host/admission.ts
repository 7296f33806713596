/** What a host does not let through to a group, whoever sent it: peers are trusted with as little as can be. */

import { type ConfigState, isMember } from "../core/configuration.js";
import type { SnapshotRequest } from "../core/message.js";
import type { DropReason } from "./observer.js";
import type { ResumeMessage, WireMessage } from "./wire/host-message.js";

/** What only a member may ask for. */
const OF_MEMBERS: ReadonlySet<WireMessage["type"]> = new Set([
  "read-request",
  "transfer-request",
] as const);

/**
 * @param config of the group, as it was applied last
 * @returns why a group does not get to see what came in a frame; undefined when it does
 */
export function whyDropped(
  config: ConfigState,
  message: Exclude<WireMessage, ResumeMessage>,
): { readonly reason: DropReason; readonly what: string } | undefined {
  // State travels by streams. What points to it here means nothing to another host.
  if (message.type === "snapshot-request" && !isFounding(message)) {
    return { reason: "malformed", what: "a snapshot in a frame" };
  }
  // Hosts send callers to the leader, and pass no proposals on. Those of anybody else could hold
  // what no member can apply.
  if (message.type === "propose-request") {
    return { reason: "malformed", what: "a proposal in a frame" };
  }
  if (OF_MEMBERS.has(message.type) && !isMember(config, message.from)) {
    return { reason: "no-member", what: message.type };
  }
  return undefined;
}

function isFounding({ snapshot }: SnapshotRequest): boolean {
  return snapshot.meta.index === 1 && snapshot.data.length === 0;
}
