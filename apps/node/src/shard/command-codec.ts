/**
 * Commands as they stand in a shard's log. Version 1:
 *
 *     at  bytes
 *     0   1   version, 1
 *     1   1   kind, see `KINDS`
 *     2   8   time of the proposing leader, ms since the Unix epoch, unsigned little-endian
 *     10  1   1 when a write id follows, 0 when not
 *     11  …   write id: session id (sized), sequence (varint), acknowledged below (varint)
 *     …   …   body
 *
 *     kind  body
 *     put 1                store key (sized), time to live (varint, ms; 0: none), value (the rest)
 *     delete 2             store key (sized)
 *     batch 3              keyspace (varint), steps
 *     compare-and-set 4    keyspace, key (sized), expectation, flag, value (sized) if it is 1, time to live
 *     increment 5          keyspace, key, delta (sign, varint), time to live
 *     txn 6                keyspace, response bytes (varint), comparisons, steps, steps
 *     expire 16            nothing
 *     drop-keyspace 17     keyspace
 *     open-session 18      session id (sized), idle timeout (varint, ms)
 *     close-session 19     session id
 *     checksum 20          nothing
 *
 *     step          put 1, key, value (sized), time to live · delete 2, key · get 3, key
 *     expectation   value 1, sized · revision 2, varint · absent 3, flag
 *     comparison    type (value 1, revision 2, exists 3), operator (0–3), key, then as an expectation
 *
 * Sized: a varint of the length, then the bytes. Lists begin with their count. A store key is the keyspace's number,
 * two bytes big-endian, and the key, so that the most frequent commands hold it as the store takes it.
 */
import { KEYSPACE_PREFIX_BYTES } from "../kv/keyspace.js";
import type {
  Compare,
  CompareOperator,
  Expectation,
  TxnOperation,
  WriteOperation,
} from "../kv/requests.js";
import { ByteReader, MalformedBytes } from "../wire/byte-reader.js";
import { ByteWriter } from "../wire/byte-writer.js";
import type { ShardCommand, ShardUpkeep, ShardWrite, WriteId } from "./shard-command.js";

type Body = ShardWrite | ShardUpkeep;
type BodyOf<Type extends Body["type"]> = Extract<Body, { readonly type: Type }>;

/** Kinds of commands by their number in the log. */
export const KINDS = {
  put: 1,
  delete: 2,
  batch: 3,
  "compare-and-set": 4,
  increment: 5,
  txn: 6,
  expire: 16,
  "drop-keyspace": 17,
  "open-session": 18,
  "close-session": 19,
  checksum: 20,
} as const satisfies Readonly<Record<Body["type"], number>>;

const VERSION = 1;
/** Where the time stands. */
const TIME_AT = 2;
/** Bytes before the write id. */
export const COMMAND_HEADER_BYTES = 11;
const TWO_TO_32 = 0x1_0000_0000;

const PUT_STEP = 1;
const DELETE_STEP = 2;
const GET_STEP = 3;
const BY_VALUE = 1;
const BY_REVISION = 2;
const BY_PRESENCE = 3;
const OPERATORS: readonly CompareOperator[] = ["equal", "not-equal", "less", "greater"];
/** A step takes a tag and a length at least; so a lie about a count cannot cost memory. */
const LEAST_STEP_BYTES = 2;
const LEAST_COMPARE_BYTES = 4;

/** Encodes a command; the leader may still overwrite its time with {@link stampCommand}. */
export function encodeCommand(command: ShardCommand): Uint8Array {
  const { body, writeId } = command;
  const writer = new ByteWriter(COMMAND_HEADER_BYTES + 64 + sizeHint(body));
  writer.u8(VERSION);
  writer.u8(KINDS[body.type]);
  writer.u32(command.atMs % TWO_TO_32);
  writer.u32(Math.floor(command.atMs / TWO_TO_32));
  writer.flag(writeId !== undefined);
  if (writeId !== undefined) {
    writer.sizedBytes(writeId.sessionId);
    writer.varint(writeId.sequence);
    writer.varint(writeId.acknowledgedBelow);
  }
  writeBody(writer, body);
  return writer.finish();
}

/**
 * Overwrites the time in an encoded command.
 * @throws MalformedBytes when there is no room for one
 */
export function stampCommand(bytes: Uint8Array, atMs: number): void {
  if (bytes.length < COMMAND_HEADER_BYTES) throw new MalformedBytes("truncated");
  let low = atMs % TWO_TO_32;
  let high = Math.floor(atMs / TWO_TO_32);
  for (let at = TIME_AT; at < TIME_AT + 4; at += 1) {
    bytes[at] = low & 0xff;
    bytes[at + 4] = high & 0xff;
    low = Math.floor(low / 0x100);
    high = Math.floor(high / 0x100);
  }
}

/**
 * Exact inverse of {@link encodeCommand}. Keys and values are views of `bytes`.
 * @throws MalformedBytes for whatever else
 */
export function decodeCommand(bytes: Uint8Array): ShardCommand {
  const reader = new ByteReader(bytes);
  const { kind, atMs, writeId } = readHead(reader);
  const body = readBody(reader, kind);
  reader.expectEnd();
  return { body, atMs, writeId };
}

/** What stands before a command's body. */
export interface CommandHead {
  /** Not known to be one of {@link KINDS}. */
  readonly kind: number;
  readonly atMs: number;
  readonly writeId: WriteId | undefined;
}

/** Reads up to the body. @throws MalformedBytes */
export function readHead(reader: ByteReader): CommandHead {
  const version = reader.u8();
  if (version !== VERSION) throw new MalformedBytes(`a command of version ${version}`);
  const kind = reader.u8();
  const low = reader.u32();
  const atMs = reader.u32() * TWO_TO_32 + low;
  if (!Number.isSafeInteger(atMs)) throw new MalformedBytes("a time that is no safe integer");
  const writeId = reader.flag()
    ? {
        sessionId: reader.sizedBytes(),
        sequence: reader.varint(),
        acknowledgedBelow: reader.varint(),
      }
    : undefined;
  return { kind, atMs, writeId };
}

/** Reads a body to its end. @throws MalformedBytes */
export function readBody(reader: ByteReader, kind: number): Body {
  const read = READERS.get(kind);
  if (read === undefined) throw new MalformedBytes(`a command of kind ${kind}`);
  return read(reader);
}

/** @throws MalformedBytes when it is too short to hold a keyspace's number */
export function readStoreKey(reader: ByteReader): Uint8Array {
  const storeKey = reader.sizedBytes();
  if (storeKey.length < KEYSPACE_PREFIX_BYTES) throw new MalformedBytes("a key without keyspace");
  return storeKey;
}

function sizeHint(body: Body): number {
  if (body.type === "put") return body.key.length + body.value.length;
  return body.type === "delete" ? body.key.length : 192;
}

function writeBody(writer: ByteWriter, body: Body): void {
  switch (body.type) {
    case "put":
      writeStoreKey(writer, body.keyspace, body.key);
      writer.varint(body.ttlMs);
      writer.bytes(body.value);
      return;
    case "delete":
      writeStoreKey(writer, body.keyspace, body.key);
      return;
    case "batch":
      writer.varint(body.keyspace);
      writeSteps(writer, body.operations);
      return;
    case "compare-and-set":
      writeCompareAndSet(writer, body);
      return;
    case "increment":
      writer.varint(body.keyspace);
      writer.sizedBytes(body.key);
      writer.signed(body.delta);
      writer.varint(body.ttlMs);
      return;
    case "txn":
      writer.varint(body.keyspace);
      writer.varint(body.responseBytes);
      writer.varint(body.compares.length);
      for (const compare of body.compares) writeCompare(writer, compare);
      writeSteps(writer, body.then);
      writeSteps(writer, body.otherwise);
      return;
    case "drop-keyspace":
      writer.varint(body.keyspace);
      return;
    case "open-session":
      writer.sizedBytes(body.sessionId);
      writer.varint(body.idleTimeoutMs);
      return;
    case "close-session":
      writer.sizedBytes(body.sessionId);
      return;
    case "expire":
    case "checksum":
  }
}

function writeStoreKey(writer: ByteWriter, keyspace: number, key: Uint8Array): void {
  writer.varint(KEYSPACE_PREFIX_BYTES + key.length);
  writer.u8(keyspace >>> 8);
  writer.u8(keyspace & 0xff);
  writer.bytes(key);
}

function writeCompareAndSet(writer: ByteWriter, body: BodyOf<"compare-and-set">): void {
  writer.varint(body.keyspace);
  writer.sizedBytes(body.key);
  writeExpectation(writer, body.expected);
  writer.flag(body.newValue !== undefined);
  if (body.newValue !== undefined) writer.sizedBytes(body.newValue);
  writer.varint(body.ttlMs);
}

function writeExpectation(writer: ByteWriter, expected: Expectation): void {
  switch (expected.type) {
    case "value":
      writer.u8(BY_VALUE);
      writer.sizedBytes(expected.value);
      return;
    case "revision":
      writer.u8(BY_REVISION);
      writer.varint(expected.revision);
      return;
    case "absent":
      writer.u8(BY_PRESENCE);
      writer.flag(expected.absent);
  }
}

function writeCompare(writer: ByteWriter, compare: Compare): void {
  const type = { value: BY_VALUE, revision: BY_REVISION, exists: BY_PRESENCE }[compare.type];
  writer.u8(type);
  writer.u8(OPERATORS.indexOf(compare.operator));
  writer.sizedBytes(compare.key);
  if (compare.type === "value") writer.sizedBytes(compare.value);
  else if (compare.type === "revision") writer.varint(compare.revision);
  else writer.flag(compare.exists);
}

function writeSteps(writer: ByteWriter, steps: readonly TxnOperation[]): void {
  writer.varint(steps.length);
  for (const step of steps) {
    writer.u8({ put: PUT_STEP, delete: DELETE_STEP, get: GET_STEP }[step.type]);
    writer.sizedBytes(step.key);
    if (step.type !== "put") continue;
    writer.sizedBytes(step.value);
    writer.varint(step.ttlMs);
  }
}

const READERS: ReadonlyMap<number, (reader: ByteReader) => Body> = new Map<
  number,
  (reader: ByteReader) => Body
>([
  [KINDS.put, readPut],
  [KINDS.delete, (reader) => ({ type: "delete", ...splitStoreKey(readStoreKey(reader)) })],
  [KINDS.batch, readBatch],
  [KINDS["compare-and-set"], readCompareAndSet],
  [KINDS.increment, readIncrement],
  [KINDS.txn, readTxn],
  [KINDS.expire, () => ({ type: "expire" })],
  [KINDS["drop-keyspace"], (reader) => ({ type: "drop-keyspace", keyspace: readKeyspace(reader) })],
  [KINDS["open-session"], readOpenSession],
  [KINDS["close-session"], (reader) => ({ type: "close-session", sessionId: reader.sizedBytes() })],
  [KINDS.checksum, () => ({ type: "checksum" })],
]);

function splitStoreKey(storeKey: Uint8Array): { keyspace: number; key: Uint8Array } {
  const keyspace = (storeKey[0] ?? 0) * 0x100 + (storeKey[1] ?? 0);
  return { keyspace, key: storeKey.subarray(KEYSPACE_PREFIX_BYTES) };
}

function readPut(reader: ByteReader): BodyOf<"put"> {
  const { keyspace, key } = splitStoreKey(readStoreKey(reader));
  const ttlMs = reader.varint();
  return { type: "put", keyspace, key, value: reader.rest(), ttlMs };
}

function readBatch(reader: ByteReader): BodyOf<"batch"> {
  const keyspace = readKeyspace(reader);
  const operations = readSteps(reader);
  if (!operations.every((step): step is WriteOperation => step.type !== "get")) {
    throw new MalformedBytes("a batch that reads");
  }
  return { type: "batch", keyspace, operations };
}

function readCompareAndSet(reader: ByteReader): BodyOf<"compare-and-set"> {
  const keyspace = readKeyspace(reader);
  const key = reader.sizedBytes();
  const expected = readExpectation(reader);
  const newValue = reader.flag() ? reader.sizedBytes() : undefined;
  return { type: "compare-and-set", keyspace, key, expected, newValue, ttlMs: reader.varint() };
}

function readIncrement(reader: ByteReader): BodyOf<"increment"> {
  const keyspace = readKeyspace(reader);
  const key = reader.sizedBytes();
  const delta = reader.signed();
  return { type: "increment", keyspace, key, delta, ttlMs: reader.varint() };
}

function readTxn(reader: ByteReader): BodyOf<"txn"> {
  const keyspace = readKeyspace(reader);
  const responseBytes = reader.varint();
  const compares: Compare[] = [];
  const count = reader.count(LEAST_COMPARE_BYTES);
  for (let at = 0; at < count; at += 1) compares.push(readCompare(reader));
  const then = readSteps(reader);
  return { type: "txn", keyspace, responseBytes, compares, then, otherwise: readSteps(reader) };
}

function readOpenSession(reader: ByteReader): BodyOf<"open-session"> {
  const sessionId = reader.sizedBytes();
  return { type: "open-session", sessionId, idleTimeoutMs: reader.varint() };
}

function readKeyspace(reader: ByteReader): number {
  const keyspace = reader.varint();
  if (keyspace > 0xffff) throw new MalformedBytes(`a keyspace of number ${keyspace}`);
  return keyspace;
}

function readExpectation(reader: ByteReader): Expectation {
  const type = reader.u8();
  switch (type) {
    case BY_VALUE:
      return { type: "value", value: reader.sizedBytes() };
    case BY_REVISION:
      return { type: "revision", revision: reader.varint() };
    case BY_PRESENCE:
      return { type: "absent", absent: reader.flag() };
    default:
      throw new MalformedBytes(`an expectation of type ${type}`);
  }
}

function readCompare(reader: ByteReader): Compare {
  const type = reader.u8();
  const operator = OPERATORS[reader.u8()];
  if (operator === undefined) throw new MalformedBytes("an unknown operator");
  const key = reader.sizedBytes();
  switch (type) {
    case BY_VALUE:
      return { type: "value", operator, key, value: reader.sizedBytes() };
    case BY_REVISION:
      return { type: "revision", operator, key, revision: reader.varint() };
    case BY_PRESENCE:
      return { type: "exists", operator, key, exists: reader.flag() };
    default:
      throw new MalformedBytes(`a comparison of type ${type}`);
  }
}

function readSteps(reader: ByteReader): TxnOperation[] {
  const count = reader.count(LEAST_STEP_BYTES);
  const steps: TxnOperation[] = [];
  for (let at = 0; at < count; at += 1) {
    const tag = reader.u8();
    const key = reader.sizedBytes();
    if (tag === PUT_STEP) {
      const value = reader.sizedBytes();
      steps.push({ type: "put", key, value, ttlMs: reader.varint() });
    } else if (tag === DELETE_STEP) steps.push({ type: "delete", key });
    else if (tag === GET_STEP) steps.push({ type: "get", key });
    else throw new MalformedBytes(`a step of type ${tag}`);
  }
  return steps;
}
