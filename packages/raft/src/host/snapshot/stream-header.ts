/**
 * The header of a snapshot's stream: a frame with the snapshot-request that it answers, without data, and
 * a resume-response that says what the snapshot is called and at which byte the body begins.
 */

import { NO_BYTES } from "../../core/entry.js";
import type { NodeId } from "../../core/ids.js";
import type { SnapshotRequest } from "../../core/message.js";
import { RaftHostError } from "../errors.js";
import { decodeFrame, encodeFrame } from "../wire/frame-codec.js";

export interface StreamHeader {
  readonly group: number;
  readonly message: SnapshotRequest;
  readonly name: string;
  readonly offset: number;
}

export function encodeHeader({ group, message, name, offset }: StreamHeader): Uint8Array {
  const { from, to } = message;
  // The data are a pointer to a file, which means nothing elsewhere.
  const snapshot = { meta: message.snapshot.meta, data: NO_BYTES };
  return encodeFrame([
    { group, message: { ...message, snapshot } },
    { group, message: { type: "resume-response", from, to, name, offset } },
  ]);
}

/** @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED` */
export function decodeHeader(
  header: Uint8Array,
  ends: { readonly from: NodeId; readonly to: NodeId },
): StreamHeader {
  const decoded = decodeFrame(header, ends);
  if ("problem" in decoded) throw noHeader(decoded.problem);
  const [first, second] = decoded.messages;
  const isSnapshot =
    first?.message.type === "snapshot-request" && first.message.snapshot.data.length === 0;
  if (!isSnapshot || second?.message.type !== "resume-response") {
    throw noHeader("other messages than it needs");
  }
  const { name, offset } = second.message;
  return { group: first.group, message: first.message, name, offset };
}

function noHeader(what: string): RaftHostError {
  const message = `not the header of a snapshot: ${what}`;
  return new RaftHostError({ code: "RAFT_HOST_SNAPSHOT_DAMAGED", message });
}
