/**
 * A table of sessions as bytes, the beginning of every snapshot. Numbers are varints:
 *
 *     1 (version, one byte), sessions, then each, the one that was not used for longest first:
 *       client, answered through, answers, then each: request, 0 when it is not known, else its length + 1
 *       and its bytes
 */

import { RaftHostError } from "../errors.js";
import { ByteReader, MalformedBytes } from "../wire/byte-reader.js";
import { ByteWriter } from "../wire/byte-writer.js";
import type { KeptAnswer, Session, SessionTable } from "./session-table.js";

const VERSION = 1;
const LEAST_SESSION_BYTES = 3;
const LEAST_ANSWER_BYTES = 2;

export function encodeSessions(table: SessionTable): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(VERSION);
  writer.varint(table.size);
  for (const [client, { answeredThrough, answers }] of table.entries()) {
    writer.varint(client);
    writer.varint(answeredThrough);
    writer.varint(answers.size);
    for (const [request, { result, isKnown }] of answers) {
      writer.varint(request);
      writer.varint(isKnown ? (result?.length ?? 0) + 1 : 0);
      if (result !== undefined) writer.bytes(result);
    }
  }
  return writer.finish();
}

/** @throws RaftHostError `RAFT_HOST_SNAPSHOT_DAMAGED` */
export function decodeSessions(bytes: Uint8Array): readonly (readonly [number, Session])[] {
  try {
    return readSessions(new ByteReader(bytes));
  } catch (error) {
    if (!(error instanceof MalformedBytes)) throw error;
    const message = `sessions of a snapshot cannot be read: ${error.message}`;
    throw new RaftHostError({ code: "RAFT_HOST_SNAPSHOT_DAMAGED", message }, { cause: error });
  }
}

function readSessions(reader: ByteReader): [number, Session][] {
  const version = reader.u8();
  if (version !== VERSION) throw new MalformedBytes(`version ${version}`);
  const sessions: [number, Session][] = [];
  const count = reader.count(LEAST_SESSION_BYTES);
  for (let taken = 0; taken < count; taken += 1) {
    const client = reader.varint();
    const answeredThrough = reader.varint();
    sessions.push([client, { answeredThrough, answers: readAnswers(reader) }]);
  }
  reader.expectEnd();
  return sessions;
}

function readAnswers(reader: ByteReader): Map<number, KeptAnswer> {
  const answers = new Map<number, KeptAnswer>();
  const count = reader.count(LEAST_ANSWER_BYTES);
  for (let taken = 0; taken < count; taken += 1) {
    const request = reader.varint();
    const length = reader.varint();
    // A copy, as answers outlive the buffer that the snapshot was read in.
    const result = length > 1 ? Uint8Array.from(reader.bytes(length - 1)) : undefined;
    answers.set(request, { result, isKnown: length > 0 });
  }
  return answers;
}
