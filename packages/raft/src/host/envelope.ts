/**
 * What the data of a normal entry is. The first byte tells, so that later releases can add kinds:
 *
 *     no bytes at all        the entry that a new leader begins its term with
 *     1, command             a command for the state machine
 *
 * A kind that is not known here must not be skipped: members would come to differ. It stops the group.
 */

import { RaftHostError } from "./errors.js";

const COMMAND = 1;

/** Bytes that an envelope adds to a command. */
export const ENVELOPE_BYTES = 1;

export function wrapCommand(command: Uint8Array): Uint8Array {
  const data = new Uint8Array(command.length + ENVELOPE_BYTES);
  data[0] = COMMAND;
  data.set(command, ENVELOPE_BYTES);
  return data;
}

/**
 * @returns the command, as a view; undefined when the entry holds none
 * @throws RaftHostError `RAFT_HOST_APPLY_FAILED` for a kind of a newer release
 */
export function unwrapCommand(data: Uint8Array): Uint8Array | undefined {
  if (data.length === 0) return undefined;
  if (data[0] !== COMMAND) {
    const message = `a committed entry of kind ${data[0]}, which this release does not know`;
    throw new RaftHostError({ code: "RAFT_HOST_APPLY_FAILED", outcome: "unknown", message });
  }
  return data.subarray(ENVELOPE_BYTES);
}
