/**
 * What the data of a normal entry is. The first byte tells, so that later releases can add kinds:
 *
 *     no bytes at all                                      a new leader begins its term
 *     1, command                                           a command for the state machine
 *     2                                                    opens a session
 *     3, client, request, answered through, command        a command of a session; numbers are varints
 *     4, client                                            ends a session
 *
 * A kind that is not known here must not be skipped: members would come to differ. It stops the group.
 */

import { RaftHostError } from "./errors.js";
import { ByteReader, MalformedBytes } from "./wire/byte-reader.js";
import { ByteWriter } from "./wire/byte-writer.js";

const COMMAND = 1;
const OPEN_SESSION = 2;
const SESSION_COMMAND = 3;
const CLOSE_SESSION = 4;

/** Bytes that an envelope adds to a command, at most. */
export const ENVELOPE_BYTES = 25;

/** Which request of which session a command is. */
export interface SessionRequest {
  /** As `RaftGroup.openSession` answered. */
  readonly client: number;
  /** The client's own number of the command, from 1, each used for one command only. */
  readonly request: number;
  /** The client has the answers to all requests up to this one: they are forgotten. */
  readonly answeredThrough: number;
}

export type Envelope =
  | { readonly kind: "none" }
  | { readonly kind: "command"; readonly command: Uint8Array }
  | { readonly kind: "open-session" }
  | ({ readonly kind: "session-command"; readonly command: Uint8Array } & SessionRequest)
  | { readonly kind: "close-session"; readonly client: number };

const NONE: Envelope = { kind: "none" };

export function wrapCommand(command: Uint8Array): Uint8Array {
  const data = new Uint8Array(command.length + 1);
  data[0] = COMMAND;
  data.set(command, 1);
  return data;
}

export function wrapSessionCommand(session: SessionRequest, command: Uint8Array): Uint8Array {
  const writer = new ByteWriter(command.length + ENVELOPE_BYTES);
  writer.u8(SESSION_COMMAND);
  writer.varint(session.client);
  writer.varint(session.request);
  writer.varint(session.answeredThrough);
  writer.bytes(command);
  return writer.finish();
}

export function wrapOpenSession(): Uint8Array {
  return Uint8Array.of(OPEN_SESSION);
}

export function wrapCloseSession(client: number): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(CLOSE_SESSION);
  writer.varint(client);
  return writer.finish();
}

/**
 * Commands are views of `data`.
 * @throws RaftHostError `RAFT_HOST_APPLY_FAILED` for a kind of a newer release
 */
export function unwrap(data: Uint8Array): Envelope {
  if (data.length === 0) return NONE;
  // By far the most frequent.
  if (data[0] === COMMAND) return { kind: "command", command: data.subarray(1) };
  try {
    return unwrapSession(data);
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    throw unreadable(error.message);
  }
}

function unwrapSession(data: Uint8Array): Envelope {
  const reader = new ByteReader(data);
  const kind = reader.u8();
  switch (kind) {
    case OPEN_SESSION:
      return { kind: "open-session" };
    case SESSION_COMMAND: {
      const client = reader.varint();
      const request = reader.varint();
      const answeredThrough = reader.varint();
      const command = reader.bytes(reader.remaining);
      return { kind: "session-command", client, request, answeredThrough, command };
    }
    case CLOSE_SESSION:
      return { kind: "close-session", client: reader.varint() };
    default:
      throw unreadable(`kind ${kind}, which this release does not know`);
  }
}

function unreadable(what: string): RaftHostError {
  const message = `a committed entry that cannot be read: ${what}`;
  return new RaftHostError({ code: "RAFT_HOST_APPLY_FAILED", outcome: "unknown", message });
}
