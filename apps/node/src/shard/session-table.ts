/**
 * Sessions of a shard: they make a write that is proposed again one that is applied once, with the first answer.
 *
 * A session has `MAX_UNCONFIRMED` slots; the write of a sequence takes slot `sequence % MAX_UNCONFIRMED`, over the
 * answer of the one that took it before, which by then has to be confirmed. So nothing has to be removed as answers
 * are confirmed, and a session's memory is bounded.
 *
 * Records (numbers are varints):
 *
 *     session   version 1, idle timeout (ms), usage
 *     answer    version 1, usage, sequence, flag; if it is 1 the answer (the rest), else it was too large to keep
 *     usage     index and time of the last use, acknowledged below
 *
 * A session stands as the record of its latest use says. Bounds: 256 unconfirmed answers each, of 64 KiB; 4,096 sessions,
 * 65,536 answers and 64 MiB of them in all, beyond which the sessions that were not used for longest go. They are constants,
 * as all replicas must judge alike.
 */
import type { Bitcask } from "@titan/bitcask";
import { ByteReader } from "../wire/byte-reader.js";
import { ByteWriter } from "../wire/byte-writer.js";
import { refusal } from "./refusal.js";
import type { ShardRefusal, WriteId } from "./shard-command.js";
import type { ShardState } from "./shard-state.js";
import {
  ANSWER_PREFIX,
  answerKey,
  answerOf,
  SESSION_PREFIX,
  sessionIdOf,
  sessionKey,
} from "./system-keys.js";

export const MAX_SESSIONS = 4096;
export const MAX_UNCONFIRMED = 256;
export const MAX_ANSWER_BYTES = 65_536;
export const MAX_SESSION_ID_BYTES = 64;
export const MAX_ANSWERS = 65_536;
export const MAX_ANSWERS_BYTES = 64 * 1024 * 1024;
const VERSION = 1;
/** Sessions that one command ends for their idleness; each may have 256 records. */
const EXPIRED_AT_ONCE = 16;

interface Session {
  readonly id: Uint8Array;
  readonly idleTimeoutMs: number;
  usedIndex: number;
  usedAtMs: number;
  acknowledgedBelow: number;
  /** What each slot holds. */
  readonly slots: Map<number, Answer>;
}

interface Answer {
  readonly sequence: number;
  /** Of its record. */
  readonly bytes: number;
}

/** What to do with a write of a session. */
export type Verdict =
  | { readonly kind: "fresh" }
  | { readonly kind: "again"; readonly answer: Uint8Array }
  | { readonly kind: "refused"; readonly refusal: ShardRefusal };

const FRESH: Verdict = { kind: "fresh" };

export class SessionTable {
  /** By id, the one that was not used for longest first. */
  readonly #sessions = new Map<string, Session>();
  #earliestIdleMs = Number.POSITIVE_INFINITY;
  #answers = 0;
  #answerBytes = 0;

  get size(): number {
    return this.#sessions.size;
  }

  /** Records that they take in the store. */
  get records(): number {
    return this.#sessions.size + this.#answers;
  }

  /** No session is idle for too long before this. */
  get earliestIdleMs(): number {
    return this.#earliestIdleMs;
  }

  /** Reads the sessions of a store in place of those here. @throws MalformedBytes */
  load(db: Bitcask): void {
    const loaded = new Map<string, Session>();
    let answers = 0;
    let answerBytes = 0;
    for (const { key, value } of db.entriesSync({ prefix: SESSION_PREFIX })) {
      const reader = readerOf(value);
      const id = Uint8Array.from(sessionIdOf(key));
      const idleTimeoutMs = reader.varint();
      loaded.set(nameOf(id), { id, idleTimeoutMs, ...readUsage(reader), slots: new Map() });
    }
    for (const { key, value } of db.entriesSync({ prefix: ANSWER_PREFIX })) {
      const { sessionId, slot } = answerOf(key);
      const session = loaded.get(nameOf(sessionId));
      if (session === undefined) continue;
      const reader = readerOf(value);
      const usage = readUsage(reader);
      session.slots.set(slot, { sequence: reader.varint(), bytes: value.length });
      answers += 1;
      answerBytes += value.length;
      if (usage.usedIndex > session.usedIndex) Object.assign(session, usage);
    }
    this.#sessions.clear();
    this.#answers = answers;
    this.#answerBytes = answerBytes;
    const byUse = [...loaded.values()].sort((a, b) => a.usedIndex - b.usedIndex);
    for (const session of byUse) this.#sessions.set(nameOf(session.id), session);
    this.#earliestIdleMs = earliestIdle(byUse);
  }

  /** Opening one that is open only uses it: the call may be a repetition. */
  open(state: ShardState, sessionId: Uint8Array, idleTimeoutMs: number): ShardRefusal | undefined {
    if (sessionId.length === 0 || sessionId.length > MAX_SESSION_ID_BYTES) {
      return refusal("FIELD_INVALID", `session_id: must have 1 to ${MAX_SESSION_ID_BYTES} bytes`);
    }
    const name = nameOf(sessionId);
    const known = this.#sessions.get(name);
    if (known === undefined && this.#sessions.size >= MAX_SESSIONS) this.#evict(state);
    const session: Session = {
      id: Uint8Array.from(sessionId),
      idleTimeoutMs,
      usedIndex: state.index,
      usedAtMs: state.nowMs(),
      acknowledgedBelow: known?.acknowledgedBelow ?? 0,
      slots: known?.slots ?? new Map<number, Answer>(),
    };
    this.#sessions.delete(name);
    this.#sessions.set(name, session);
    this.#earliestIdleMs = Math.min(this.#earliestIdleMs, idleAt(session));
    putSession(state, session);
    return undefined;
  }

  /** Closing one that is not there is no error. */
  close(state: ShardState, sessionId: Uint8Array): void {
    const session = this.#sessions.get(nameOf(sessionId));
    if (session !== undefined) this.#end(state, session);
  }

  /** Judges a write; a fresh one is to be followed by {@link SessionTable.keep}. */
  judge(state: ShardState, writeId: WriteId): Verdict {
    const { sequence, acknowledgedBelow } = writeId;
    if (sequence < 1 || acknowledgedBelow > sequence) {
      const message = "write_id: sequence must be at least 1 and at least acknowledged_below";
      return refused(refusal("FIELD_INVALID", message));
    }
    const session = this.#sessions.get(nameOf(writeId.sessionId));
    if (session === undefined) return refused(expired());
    if (idleAt(session) <= state.nowMs()) {
      this.#end(state, session);
      return refused(expired());
    }
    this.#use(state, session, acknowledgedBelow);
    const slot = sequence % MAX_UNCONFIRMED;
    if (session.slots.get(slot)?.sequence === sequence && sequence >= session.acknowledgedBelow) {
      putSession(state, session);
      return again(state, session, slot);
    }
    if (sequence >= Math.max(1, session.acknowledgedBelow) + MAX_UNCONFIRMED) {
      putSession(state, session);
      const message = `more than ${MAX_UNCONFIRMED} writes of the session wait to be acknowledged`;
      return refused(refusal("OVERLOADED", message));
    }
    if (sequence >= session.acknowledgedBelow) return FRESH;
    putSession(state, session);
    const message = "the answer to this write has been acknowledged before, and is forgotten";
    return refused(refusal("ALREADY_ANSWERED", message, "unknown"));
  }

  /** Keeps the answer to a fresh write. */
  keep(state: ShardState, { sessionId, sequence }: WriteId, answer: Uint8Array): void {
    const session = this.#sessions.get(nameOf(sessionId));
    if (session === undefined) throw new Error("assertion: a fresh write has a session");
    const slot = sequence % MAX_UNCONFIRMED;
    const isKept = answer.length <= MAX_ANSWER_BYTES;
    const writer = new ByteWriter(40 + (isKept ? answer.length : 0));
    writer.u8(VERSION);
    writeUsage(writer, session);
    writer.varint(sequence);
    writer.flag(isKept);
    if (isKept) writer.bytes(answer);
    const record = writer.finish();
    this.#forget(session.slots.get(slot));
    session.slots.set(slot, { sequence, bytes: record.length });
    this.#answers += 1;
    this.#answerBytes += record.length;
    state.putRecord(answerKey(sessionId, slot), record);
    // It is the one that was used last, and within the bounds alone.
    while (this.#answers > MAX_ANSWERS || this.#answerBytes > MAX_ANSWERS_BYTES) this.#evict(state);
  }

  /** Ends some of those that have been idle for too long. @returns whether there are more */
  endIdle(state: ShardState): boolean {
    if (this.#earliestIdleMs > state.nowMs()) return false;
    const idle = [...this.#sessions.values()].filter((one) => idleAt(one) <= state.nowMs());
    for (const session of idle.slice(0, EXPIRED_AT_ONCE)) this.#end(state, session);
    this.#earliestIdleMs = earliestIdle(this.#sessions.values());
    return idle.length > EXPIRED_AT_ONCE;
  }

  #use(state: ShardState, session: Session, acknowledgedBelow: number): void {
    session.usedIndex = state.index;
    session.usedAtMs = state.nowMs();
    session.acknowledgedBelow = Math.max(session.acknowledgedBelow, acknowledgedBelow);
    const name = nameOf(session.id);
    this.#sessions.delete(name);
    this.#sessions.set(name, session);
  }

  #evict(state: ShardState): void {
    const [oldest] = this.#sessions.values();
    if (oldest !== undefined) this.#end(state, oldest);
  }

  #end(state: ShardState, session: Session): void {
    this.#sessions.delete(nameOf(session.id));
    state.removeRecord(sessionKey(session.id));
    for (const [slot, answer] of session.slots) {
      state.removeRecord(answerKey(session.id, slot));
      this.#forget(answer);
    }
  }

  #forget(answer: Answer | undefined): void {
    if (answer === undefined) return;
    this.#answers -= 1;
    this.#answerBytes -= answer.bytes;
  }
}

function again(state: ShardState, session: Session, slot: number): Verdict {
  const stored = state.stored(answerKey(session.id, slot));
  if (stored === undefined) throw new Error("assertion: a slot in use has a record");
  const reader = readerOf(stored);
  readUsage(reader);
  reader.varint();
  if (reader.flag()) return { kind: "again", answer: Uint8Array.from(reader.rest()) };
  const message = "the write was done before; its answer was too large to be kept";
  return refused(refusal("ALREADY_ANSWERED", message, "unknown"));
}

function refused(refusal: ShardRefusal): Verdict {
  return { kind: "refused", refusal };
}

function expired(): ShardRefusal {
  const message =
    "the session was closed, or not used for too long: this write was not done; earlier ones of it may have been";
  return refusal("SESSION_EXPIRED", message);
}

function putSession(state: ShardState, session: Session): void {
  const writer = new ByteWriter(40);
  writer.u8(VERSION);
  writer.varint(session.idleTimeoutMs);
  writeUsage(writer, session);
  state.putRecord(sessionKey(session.id), writer.finish());
}

type Usage = Pick<Session, "usedIndex" | "usedAtMs" | "acknowledgedBelow">;

function writeUsage(writer: ByteWriter, usage: Usage): void {
  writer.varint(usage.usedIndex);
  writer.varint(usage.usedAtMs);
  writer.varint(usage.acknowledgedBelow);
}

function readUsage(reader: ByteReader): Usage {
  const usedIndex = reader.varint();
  const usedAtMs = reader.varint();
  return { usedIndex, usedAtMs, acknowledgedBelow: reader.varint() };
}

/** Behind the version. */
function readerOf(record: Uint8Array): ByteReader {
  const reader = new ByteReader(record);
  const version = reader.u8();
  if (version !== VERSION) throw new Error(`a session's record has unknown version ${version}`);
  return reader;
}

function idleAt(session: Session): number {
  return session.usedAtMs + session.idleTimeoutMs;
}

function earliestIdle(sessions: Iterable<Session>): number {
  let earliest = Number.POSITIVE_INFINITY;
  for (const session of sessions) earliest = Math.min(earliest, idleAt(session));
  return earliest;
}

function nameOf(sessionId: Uint8Array): string {
  return Buffer.from(sessionId.buffer, sessionId.byteOffset, sessionId.length).toString("latin1");
}
