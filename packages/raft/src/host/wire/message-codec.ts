/**
 * Peer messages as bytes. Sender and addressee are not written: the connection says who they are.
 * The layout of each type is in `docs/formats/raft-frames.md`.
 */

import type { Entry, EntryType, ProposedEntry } from "../../core/entry.js";
import type { LogIndex, LogPosition, NodeId, Term } from "../../core/ids.js";
import type { AppendRequest, VoteRequest, VoteResponse } from "../../core/message.js";
import type { Snapshot } from "../../core/storage.js";
import { type ByteReader, MalformedBytes } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import { readConfig, writeConfig } from "./config-codec.js";
import type { WireMessage } from "./host-message.js";

/** Numbers on the wire, never reused. */
export const MESSAGE_CODES = {
  "vote-request": 1,
  "pre-vote-request": 2,
  "vote-response": 3,
  "pre-vote-response": 4,
  "append-request": 5,
  "append-response": 6,
  "heartbeat-request": 7,
  "heartbeat-response": 8,
  "timeout-now": 9,
  "transfer-request": 10,
  "propose-request": 11,
  "read-request": 12,
  "read-response": 13,
  "snapshot-request": 14,
  "sleep-request": 15,
  "sleep-response": 16,
  "resume-request": 17,
  "resume-response": 18,
  "lease-request": 19,
  "lease-response": 20,
} as const satisfies Record<WireMessage["type"], number>;

const ENTRY_TYPES: readonly EntryType[] = ["normal", "config-change", "single-config-change"];
/** Type, term and length take a byte each at least. */
const LEAST_ENTRY_BYTES = 3;
const LEAST_PROPOSAL_BYTES = 2;

const HAS_COMMITTED = 2;

export function writeMessageBody(writer: ByteWriter, message: WireMessage): void {
  if ("term" in message) writer.varint(message.term);
  switch (message.type) {
    case "vote-request":
    case "pre-vote-request":
      writeVoteRequest(writer, message);
      return;
    case "vote-response":
    case "pre-vote-response":
      writer.u8((message.granted ? 1 : 0) + (message.committed === undefined ? 0 : HAS_COMMITTED));
      if (message.committed !== undefined) writePosition(writer, message.committed);
      return;
    case "append-request":
      writeAppend(writer, message);
      return;
    case "append-response":
      writer.varint(message.index);
      writer.u8(message.rejectedHint === undefined ? 0 : 1);
      if (message.rejectedHint !== undefined) writePosition(writer, message.rejectedHint);
      return;
    case "heartbeat-request":
      writer.varint(message.commit);
      writer.varint(message.readPosition);
      return;
    case "heartbeat-response":
      writer.varint(message.readPosition);
      return;
    case "timeout-now":
      return;
    case "transfer-request":
      writer.varint(message.transferee);
      return;
    case "propose-request":
      writer.varint(message.entries.length);
      for (const entry of message.entries) writeProposal(writer, entry);
      return;
    case "read-request":
      writer.varint(message.context);
      return;
    case "read-response":
      writer.varint(message.context);
      writer.varint(message.index);
      return;
    case "snapshot-request":
      writeSnapshot(writer, message.snapshot);
      return;
    case "sleep-request":
    case "sleep-response":
      writer.varint(message.index);
      return;
    case "resume-request":
    case "resume-response":
      writer.varint(message.offset);
      writer.sizedBytes(Buffer.from(message.name, "utf8"));
      return;
    case "lease-request":
    case "lease-response":
      writer.varint(message.round);
      writer.varint(message.promiseMs);
      return;
  }
}

/** @returns undefined for a type that this release does not know @throws MalformedBytes */
export function readMessageBody(
  code: number,
  reader: ByteReader,
  ends: { readonly from: NodeId; readonly to: NodeId },
): WireMessage | undefined {
  const { from, to } = ends;
  switch (code) {
    case 1:
      return readVoteRequest(reader, "vote-request", ends);
    case 2:
      return readVoteRequest(reader, "pre-vote-request", ends);
    case 3:
      return readVoteResponse(reader, "vote-response", ends);
    case 4:
      return readVoteResponse(reader, "pre-vote-response", ends);
    case 5:
      return readAppend(reader, ends);
    case 6: {
      const term = reader.term();
      const index = reader.index();
      const base = { type: "append-response", from, to, term, index } as const;
      return readFlag(reader) ? { ...base, rejectedHint: reader.position() } : base;
    }
    case 7: {
      const term = reader.term();
      const commit = reader.index();
      const readPosition = reader.varint();
      return { type: "heartbeat-request", from, to, term, commit, readPosition };
    }
    case 8: {
      const term = reader.term();
      return { type: "heartbeat-response", from, to, term, readPosition: reader.varint() };
    }
    case 9:
      return { type: "timeout-now", from, to, term: reader.term() };
    case 10: {
      const term = reader.term();
      return { type: "transfer-request", from, to, term, transferee: reader.nodeId() };
    }
    case 11:
      return { type: "propose-request", from, to, entries: readProposals(reader) };
    case 12:
      return { type: "read-request", from, to, context: reader.varint() };
    case 13: {
      const term = reader.term();
      const context = reader.varint();
      return { type: "read-response", from, to, term, context, index: reader.index() };
    }
    case 14: {
      const term = reader.term();
      return { type: "snapshot-request", from, to, term, snapshot: readSnapshot(reader) };
    }
    default:
      return readHostBody(code, reader, ends);
  }
}

/** Of what only hosts say about a group. */
function readHostBody(
  code: number,
  reader: ByteReader,
  { from, to }: { readonly from: NodeId; readonly to: NodeId },
): WireMessage | undefined {
  switch (code) {
    case 15:
    case 16: {
      const type = code === 15 ? "sleep-request" : "sleep-response";
      const term = reader.term();
      return { type, from, to, term, index: reader.index() };
    }
    case 17:
    case 18: {
      const type = code === 17 ? "resume-request" : "resume-response";
      const offset = reader.varint();
      return { type, from, to, offset, name: Buffer.from(reader.sizedBytes()).toString("utf8") };
    }
    case 19:
    case 20: {
      const type = code === 19 ? "lease-request" : "lease-response";
      const term = reader.term();
      const round = reader.varint();
      return { type, from, to, term, round, promiseMs: reader.varint() };
    }
    default:
      return undefined;
  }
}

interface Ends {
  readonly from: NodeId;
  readonly to: NodeId;
}

function writePosition(writer: ByteWriter, position: LogPosition): void {
  writer.varint(position.term);
  writer.varint(position.index);
}

/** Small numbers of either sign in few bytes: 0, -1, 1, -2 … become 0, 1, 2, 3 … */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function writeVoteRequest(writer: ByteWriter, message: VoteRequest): void {
  const { committed } = message;
  writePosition(writer, message.last);
  writer.u8((message.isTransfer ? 1 : 0) + (committed === undefined ? 0 : HAS_COMMITTED));
  writer.varint(zigzag(message.priority));
  if (committed !== undefined) writePosition(writer, committed);
}

function readVoteRequest(reader: ByteReader, type: VoteRequest["type"], ends: Ends): VoteRequest {
  const term = reader.term();
  const last = reader.position();
  const flags = readFlags(reader);
  const priority = unzigzag(reader.varint());
  const isTransfer = flags % 2 === 1;
  const base = { type, from: ends.from, to: ends.to, term, last, isTransfer, priority };
  return flags >= HAS_COMMITTED ? { ...base, committed: reader.position() } : base;
}

function readVoteResponse(
  reader: ByteReader,
  type: VoteResponse["type"],
  ends: Ends,
): VoteResponse {
  const term = reader.term();
  const flags = readFlags(reader);
  const base = { type, from: ends.from, to: ends.to, term, granted: flags % 2 === 1 };
  return flags >= HAS_COMMITTED ? { ...base, committed: reader.position() } : base;
}

function readFlags(reader: ByteReader): number {
  const flags = reader.u8();
  if (flags > 3) throw new MalformedBytes("unknown flags");
  return flags;
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new MalformedBytes("neither true nor false");
  return flag === 1;
}

/** Entries follow each other, so only how much the term grows is written, not the index. */
function writeAppend(writer: ByteWriter, message: AppendRequest): void {
  writePosition(writer, message.previous);
  writer.varint(message.commit);
  writer.varint(message.entries.length);
  let { term }: { term: number } = message.previous;
  for (const entry of message.entries) {
    writer.u8(ENTRY_TYPES.indexOf(entry.type));
    writer.varint(entry.term - term);
    writer.sizedBytes(entry.data);
    ({ term } = entry);
  }
}

function readAppend(reader: ByteReader, ends: Ends): AppendRequest {
  const term = reader.term();
  const previous = reader.position();
  const commit = reader.index();
  const count = reader.count(LEAST_ENTRY_BYTES);
  const entries: Entry[] = [];
  let entryTerm: number = previous.term;
  for (let offset = 1; offset <= count; offset += 1) {
    const type = readEntryType(reader);
    entryTerm += reader.varint();
    const index = (previous.index + offset) as LogIndex;
    entries.push({ type, term: entryTerm as Term, index, data: reader.sizedBytes() });
  }
  return { type: "append-request", from: ends.from, to: ends.to, term, previous, commit, entries };
}

function writeProposal(writer: ByteWriter, entry: ProposedEntry): void {
  writer.u8(ENTRY_TYPES.indexOf(entry.type));
  writer.sizedBytes(entry.data);
}

function readProposals(reader: ByteReader): ProposedEntry[] {
  const count = reader.count(LEAST_PROPOSAL_BYTES);
  const entries: ProposedEntry[] = [];
  for (let taken = 0; taken < count; taken += 1) {
    const type = readEntryType(reader);
    entries.push({ type, data: reader.sizedBytes() });
  }
  return entries;
}

function readEntryType(reader: ByteReader): EntryType {
  const type = ENTRY_TYPES[reader.u8()];
  if (type === undefined) throw new MalformedBytes("an entry of an unknown type");
  return type;
}

function writeSnapshot(writer: ByteWriter, { meta, data }: Snapshot): void {
  writePosition(writer, meta);
  writeConfig(writer, meta.config);
  writer.sizedBytes(data);
}

function readSnapshot(reader: ByteReader): Snapshot {
  const { term, index } = reader.position();
  const config = readConfig(reader);
  // A copy: snapshots outlive the frame that they came in.
  return { meta: { term, index, config }, data: Uint8Array.from(reader.sizedBytes()) };
}
