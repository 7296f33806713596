/**
 * What came of a command, on its way to whoever proposed it, and in a session's memory.
 *
 *     type  then
 *     refused 0            code (text), message (text), outcome (0 not applied, 1 unknown), metadata (texts)
 *     put 1, batch 3       revision
 *     delete 2             flag, revision
 *     compare-and-set 4    now (ms), flag; if it is 1 revision, else an entry
 *     increment 5          value (sign, varint), revision
 *     txn 6                flag, revision, now, results: put 1 · delete 2, flag · get 3, entry
 *     expire 16, drop-keyspace 17     flag
 *     open-session 18, close-session 19     nothing
 *     checksum 20          revision
 *
 *     entry   flag; if it is 1: value (sized), revision, expiry (ms; 0: none)
 *
 * Numbers are varints, sized is a varint of the length and the bytes, a text is sized UTF-8.
 */

import type { Entry } from "../kv/entry.js";
import { KvError, type KvErrorCode } from "../kv/kv-error.js";
import type { TxnStepResult } from "../kv/requests.js";
import { type Revision, toRevision } from "../kv/revision.js";
import { ByteReader, MalformedBytes } from "../wire/byte-reader.js";
import { ByteWriter } from "../wire/byte-writer.js";
import { KINDS } from "./command-codec.js";
import type { ShardRefusal, ShardResult } from "./shard-command.js";

/** What {@link decodeResult} gives: refusals are thrown. */
export type ShardAnswer = Exclude<ShardResult, ShardRefusal>;

const REFUSED = 0;
const PUT_STEP = 1;
const DELETE_STEP = 2;
const GET_STEP = 3;
const LEAST_METADATA_BYTES = 2;

/** The answer to a put, the most frequent one. */
export function encodePutResult(revision: number): Uint8Array {
  let length = 2;
  for (let rest = revision; rest >= 128; rest = Math.floor(rest / 128)) length += 1;
  // Small enough for V8 to keep it on its own heap, where it costs a fraction of a Buffer.
  const bytes = new Uint8Array(length);
  bytes[0] = KINDS.put;
  let rest = revision;
  for (let at = 1; at < length - 1; at += 1) {
    bytes[at] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
  }
  bytes[length - 1] = rest;
  return bytes;
}

export function encodeResult(result: ShardResult): Uint8Array {
  const writer = new ByteWriter(64);
  writer.u8(result.type === "refused" ? REFUSED : KINDS[result.type]);
  switch (result.type) {
    case "refused":
      writeRefusal(writer, result);
      break;
    case "put":
    case "batch":
    case "checksum":
      writer.varint(result.revision);
      break;
    case "delete":
      writer.flag(result.existed);
      writer.varint(result.revision);
      break;
    case "compare-and-set":
      writer.varint(result.nowMs);
      writer.flag(result.applied);
      if (result.applied) writer.varint(result.revision);
      else writeEntry(writer, result.current);
      break;
    case "increment":
      writer.signed(result.value);
      writer.varint(result.revision);
      break;
    case "txn":
      writer.flag(result.succeeded);
      writer.varint(result.revision);
      writer.varint(result.nowMs);
      writer.varint(result.results.length);
      for (const step of result.results) writeStep(writer, step);
      break;
    case "expire":
    case "drop-keyspace":
      writer.flag(result.isMore);
      break;
    case "open-session":
    case "close-session":
      break;
  }
  return writer.finish();
}

/**
 * Exact inverse of {@link encodeResult}, but for refusals. Values are views of `bytes`.
 * @throws KvError for a refusal; MalformedBytes for what is no result
 */
export function decodeResult(bytes: Uint8Array): ShardAnswer {
  const reader = new ByteReader(bytes);
  const result = readResult(reader);
  reader.expectEnd();
  if (result.type !== "refused") return result;
  const { code, message, outcome, metadata } = result;
  throw new KvError({ code, message, outcome, metadata });
}

function readResult(reader: ByteReader): ShardResult {
  const type = reader.u8();
  switch (type) {
    case REFUSED:
      return readRefusal(reader);
    case KINDS.put:
      return { type: "put", revision: readRevision(reader) };
    case KINDS.batch:
      return { type: "batch", revision: readRevision(reader) };
    case KINDS.checksum:
      return { type: "checksum", revision: readRevision(reader) };
    case KINDS.delete:
      return { type: "delete", existed: reader.flag(), revision: readRevision(reader) };
    case KINDS["compare-and-set"]: {
      const nowMs = reader.varint();
      if (reader.flag()) {
        return { type: "compare-and-set", nowMs, applied: true, revision: readRevision(reader) };
      }
      return { type: "compare-and-set", nowMs, applied: false, current: readEntry(reader) };
    }
    case KINDS.increment:
      return { type: "increment", value: reader.signed(), revision: readRevision(reader) };
    case KINDS.txn:
      return readTxn(reader);
    case KINDS.expire:
      return { type: "expire", isMore: reader.flag() };
    case KINDS["drop-keyspace"]:
      return { type: "drop-keyspace", isMore: reader.flag() };
    case KINDS["open-session"]:
      return { type: "open-session" };
    case KINDS["close-session"]:
      return { type: "close-session" };
    default:
      throw new MalformedBytes(`a result of type ${type}`);
  }
}

function readTxn(reader: ByteReader): ShardResult {
  const succeeded = reader.flag();
  const revision = readRevision(reader);
  const nowMs = reader.varint();
  const count = reader.count(1);
  const results: TxnStepResult[] = [];
  for (let at = 0; at < count; at += 1) results.push(readStep(reader));
  return { type: "txn", succeeded, revision, nowMs, results };
}

function writeRefusal(writer: ByteWriter, refusal: ShardRefusal): void {
  const metadata = Object.entries(refusal.metadata);
  writer.text(refusal.code);
  writer.text(refusal.message);
  writer.flag(refusal.outcome === "unknown");
  writer.varint(metadata.length);
  for (const [name, value] of metadata) {
    writer.text(name);
    writer.text(value);
  }
}

function readRefusal(reader: ByteReader): ShardRefusal {
  // A code that this release does not know reaches the caller as it is, who treats it as any other failure.
  const code = reader.text() as KvErrorCode;
  const message = reader.text();
  const outcome = reader.flag() ? "unknown" : "not-applied";
  const count = reader.count(LEAST_METADATA_BYTES);
  const metadata: Record<string, string> = {};
  for (let at = 0; at < count; at += 1) {
    const name = reader.text();
    metadata[name] = reader.text();
  }
  return { type: "refused", code, message, outcome, metadata };
}

function writeStep(writer: ByteWriter, step: TxnStepResult): void {
  writer.u8({ put: PUT_STEP, delete: DELETE_STEP, get: GET_STEP }[step.type]);
  if (step.type === "delete") writer.flag(step.existed);
  else if (step.type === "get") writeEntry(writer, step.entry);
}

function readStep(reader: ByteReader): TxnStepResult {
  const type = reader.u8();
  if (type === PUT_STEP) return { type: "put" };
  if (type === DELETE_STEP) return { type: "delete", existed: reader.flag() };
  if (type === GET_STEP) return { type: "get", entry: readEntry(reader) };
  throw new MalformedBytes(`the result of a step of type ${type}`);
}

/** Writes what a key holds, or that it holds nothing. */
export function writeEntry(writer: ByteWriter, entry: Entry | undefined): void {
  writer.flag(entry !== undefined);
  if (entry === undefined) return;
  writer.sizedBytes(entry.value);
  writer.varint(entry.revision);
  writer.varint(entry.expiresAtMs ?? 0);
}

/** Exact inverse of {@link writeEntry}; the value is a view. @throws MalformedBytes */
export function readEntry(reader: ByteReader): Entry | undefined {
  if (!reader.flag()) return undefined;
  const value = reader.sizedBytes();
  const revision = readRevision(reader);
  const expiresAtMs = reader.varint();
  return { value, revision, expiresAtMs: expiresAtMs === 0 ? undefined : expiresAtMs };
}

function readRevision(reader: ByteReader): Revision {
  return toRevision(reader.varint());
}
