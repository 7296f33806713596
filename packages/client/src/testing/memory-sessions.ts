/** Sessions of one shard: a write that is sent again happens once, and is answered as it was the first time. */
import type { WriteId } from "@titan/proto";
import { WINDOW } from "../write-session.js";
import { nameOf } from "./key-table.js";
import { Refusal } from "./refusal.js";

interface Session {
  readonly idleTimeoutMs: number;
  usedAtMs: number;
  acknowledgedBelow: number;
  /** What came of writes that are not acknowledged, by sequence: an answer, or a refusal. */
  readonly results: Map<number, unknown>;
}

export class MemorySessions {
  private readonly sessions = new Map<string, Session>();

  constructor(private readonly nowMs: () => number) {}

  open(sessionId: Uint8Array, idleTimeoutMs: number): void {
    const usedAtMs = this.nowMs();
    this.sessions.set(nameOf(sessionId), {
      ...{ idleTimeoutMs, usedAtMs, acknowledgedBelow: 0, results: new Map() },
    });
  }

  close(sessionId: Uint8Array): void {
    this.sessions.delete(nameOf(sessionId));
  }

  clear(): void {
    this.sessions.clear();
  }

  /**
   * Does `write` unless it was done before.
   * @throws Refusal `SESSION_EXPIRED`, `OVERLOADED`, `ALREADY_ANSWERED`, and what `write` throws
   */
  once<Result>(writeId: WriteId, write: () => Result): Result {
    const { sequence } = writeId;
    const session = this.use(writeId);
    if (session.results.has(sequence)) return unwrap(session.results.get(sequence)) as Result;
    if (sequence < session.acknowledgedBelow) {
      const message = "the answer to this write has been acknowledged before, and is forgotten";
      throw new Refusal("ALREADY_ANSWERED", message, {}, "unknown");
    }
    if (sequence >= Math.max(1, session.acknowledgedBelow) + WINDOW) {
      const message = `more than ${WINDOW} writes of the session wait to be acknowledged`;
      throw new Refusal("OVERLOADED", message);
    }
    const result = attempt(write);
    session.results.set(sequence, result);
    return unwrap(result);
  }

  private use({ sessionId, acknowledgedBelow }: WriteId): Session {
    const name = nameOf(sessionId);
    const session = this.sessions.get(name);
    if (session === undefined || session.usedAtMs + session.idleTimeoutMs <= this.nowMs()) {
      this.sessions.delete(name);
      const message = "the session was closed, or not used for too long: this write was not done";
      throw new Refusal("SESSION_EXPIRED", message);
    }
    session.usedAtMs = this.nowMs();
    session.acknowledgedBelow = Math.max(session.acknowledgedBelow, acknowledgedBelow);
    for (const sequence of session.results.keys()) {
      if (sequence < session.acknowledgedBelow) session.results.delete(sequence);
    }
    return session;
  }
}

/** What `write` returns, or the refusal that it throws. */
function attempt<Result>(write: () => Result): Result | Refusal {
  try {
    return write();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function unwrap<Result>(result: Result | Refusal): Result {
  if (result instanceof Refusal) throw result;
  return result;
}
