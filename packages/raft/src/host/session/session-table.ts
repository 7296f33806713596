/**
 * Sessions of one group: which requests of which clients have been applied, and what the answers were, so
 * that one that is proposed twice is applied once (Raft thesis §6.3).
 *
 * The table is part of the replicated state: every member makes the same changes in the same order, and
 * all limits are constants, or members would come to differ. Only answers may be missing on some: after
 * a restart a state machine on disk is not asked again for what it has applied.
 *
 * Bounds: `MAX_SESSIONS` sessions, the one that was not used for longest goes; `MAX_OPEN_REQUESTS`
 * answers in each that the client has not said that it has; `MAX_KEPT_BYTES` of answers in all, of which
 * the oldest go first. What was applied is known without its answer, too.
 */

import type { SessionRequest } from "../envelope.js";

/** Sessions of a group. One more ends the one that was not used for longest. */
export const MAX_SESSIONS = 4096;
/** Answers that are kept for one client; another request is refused until it says that it has some. */
export const MAX_OPEN_REQUESTS = 256;

/** Bytes of answers that a group keeps. */
export const MAX_KEPT_BYTES = 64 * 1024 * 1024;

/** An answer that is kept. */
export interface KeptAnswer {
  /** Undefined until the state machine has answered, and when its answer is not known any more. */
  result: Uint8Array | undefined;
  isKnown: boolean;
}

/** What is to be done with a request. */
export type Verdict =
  /** Apply it, and put the answer here. */
  | { readonly kind: "fresh"; readonly answer: KeptAnswer }
  /** It has been applied. */
  | { readonly kind: "again"; readonly answer: KeptAnswer }
  /** Its answer was forgotten, as the client said that it had it. */
  | { readonly kind: "answered" }
  | { readonly kind: "no-session" }
  | { readonly kind: "too-many-open" };

export interface Session {
  answeredThrough: number;
  /** By request. */
  readonly answers: Map<number, KeptAnswer>;
}

export class SessionTable {
  /** By client, the one that was not used for longest first. */
  readonly #sessions = new Map<number, Session>();
  /**
   * Answers that take bytes, the oldest first, also that of a session which ended before it came.
   * Invariant: no more than `MAX_KEPT_BYTES`.
   */
  readonly #kept = new Set<KeptAnswer>();
  #keptBytes = 0;

  get size(): number {
    return this.#sessions.size;
  }

  /** Sessions by client, the one that was not used for longest first. */
  entries(): IterableIterator<[number, Session]> {
    return this.#sessions.entries();
  }

  /** Replaces everything. */
  load(sessions: Iterable<readonly [number, Session]>): void {
    this.#sessions.clear();
    this.#kept.clear();
    this.#keptBytes = 0;
    for (const [client, session] of sessions) {
      this.#sessions.set(client, session);
      for (const answer of session.answers.values()) {
        if (answer.isKnown) this.keep(answer, answer.result);
      }
    }
  }

  /** The state machine has answered. */
  keep(answer: KeptAnswer, result: Uint8Array | undefined): void {
    answer.result = result;
    answer.isKnown = true;
    if (result === undefined || result.length === 0) return;
    this.#kept.add(answer);
    this.#keptBytes += result.length;
    for (const oldest of this.#kept) {
      if (this.#keptBytes <= MAX_KEPT_BYTES) return;
      this.#release(oldest);
      oldest.result = undefined;
      oldest.isKnown = false;
    }
  }

  /** @param client the index of the entry that opens the session, so that no number comes twice */
  open(client: number): void {
    this.#sessions.set(client, { answeredThrough: 0, answers: new Map() });
    if (this.#sessions.size <= MAX_SESSIONS) return;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined) this.close(oldest);
  }

  close(client: number): void {
    const answers = this.#sessions.get(client)?.answers.values() ?? [];
    for (const answer of answers) this.#release(answer);
    this.#sessions.delete(client);
  }

  judge({ client, request, answeredThrough }: SessionRequest): Verdict {
    const session = this.#sessions.get(client);
    if (session === undefined) return { kind: "no-session" };
    // The one used last goes to the end.
    this.#sessions.delete(client);
    this.#sessions.set(client, session);
    this.#forget(session, answeredThrough);
    if (request <= session.answeredThrough) return { kind: "answered" };
    const known = session.answers.get(request);
    if (known !== undefined) return { kind: "again", answer: known };
    if (session.answers.size >= MAX_OPEN_REQUESTS) return { kind: "too-many-open" };
    const answer: KeptAnswer = { result: undefined, isKnown: false };
    session.answers.set(request, answer);
    return { kind: "fresh", answer };
  }

  #forget(session: Session, answeredThrough: number): void {
    if (answeredThrough <= session.answeredThrough) return;
    session.answeredThrough = answeredThrough;
    for (const [request, answer] of session.answers) {
      if (request > answeredThrough) continue;
      session.answers.delete(request);
      this.#release(answer);
    }
  }

  #release(answer: KeptAnswer): void {
    if (this.#kept.delete(answer)) this.#keptBytes -= answer.result?.length ?? 0;
  }
}
