/**
 * Whether what hosts have to send fits the frames that their transport takes. A message that does not is
 * refused each time that it is tried, and its member never gets any further: better not to begin.
 *
 * Snapshots need no frame: they go over streams, whose chunks may be of any size.
 */

import { ENVELOPE_BYTES } from "./envelope.js";
import { RaftHostError } from "./errors.js";
import type { ResolvedHostOptions } from "./options.js";

/** Version, length and code of a section, and the numbers of a message, at their largest. */
const MESSAGE_ROOM_BYTES = 128;
/** What an entry takes beside a command, at most: see `entryBytes`. */
const ENTRY_ROOM_BYTES = 32 + ENVELOPE_BYTES;

/** The settings of a group that say how large its messages may become. */
export interface MessageLimits {
  readonly maxEntryBytes: number;
  readonly maxAppendBytes: number;
}

/** @throws RaftHostError `RAFT_HOST_SETTINGS_CONFLICT` */
export function assertFramesFit(limits: MessageLimits, maxFrameBytes: number): void {
  const { maxEntryBytes, maxAppendBytes } = limits;
  assertFits("maxEntryBytes", maxEntryBytes, ENTRY_ROOM_BYTES + MESSAGE_ROOM_BYTES, maxFrameBytes);
  assertFits("maxAppendBytes", maxAppendBytes, MESSAGE_ROOM_BYTES, maxFrameBytes);
}

/** @throws RaftHostError `RAFT_HOST_SETTINGS_CONFLICT` */
export function assertHostFramesFit(options: ResolvedHostOptions, maxFrameBytes: number): void {
  assertFits("maxFrameBytes of the host", options.maxFrameBytes, 0, maxFrameBytes);
}

function assertFits(name: string, bytes: number, room: number, maxFrameBytes: number): void {
  if (bytes + room <= maxFrameBytes) return;
  const message =
    `${name} is ${bytes}, which takes up to ${bytes + room} bytes of a frame, but maxFrameBytes of the ` +
    `transport is ${maxFrameBytes}`;
  throw new RaftHostError({ code: "RAFT_HOST_SETTINGS_CONFLICT", message });
}
