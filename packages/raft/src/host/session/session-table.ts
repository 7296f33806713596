/**
 * Sessions of one group: which requests of which clients have been applied, and what the answers were, so
 * that one that is proposed twice is applied once (Raft thesis §6.3).
 *
 * The table is part of the replicated state: every member makes the same changes in the same order, and
 * all limits are constants, or members would come to differ. Only answers may be missing on some: after
 * a restart a state machine on disk is not asked again for what it has applied.
 *
 * Bounds: `MAX_SESSIONS` sessions, the one that was not used for longest goes; `MAX_OPEN_REQUESTS`
 * answers in each that the client has not said that it has.
 */

import type { SessionRequest } from "../envelope.js";

/** Sessions of a group. One more ends the one that was not used for longest. */
export const MAX_SESSIONS = 4096;
/** Answers that are kept for one client; another request is refused until it says that it has some. */
export const MAX_OPEN_REQUESTS = 256;

/** An answer that is kept. */
export interface KeptAnswer {
  /** Undefined until the state machine has answered, and when it answered before this table was made. */
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
    for (const [client, session] of sessions) this.#sessions.set(client, session);
  }

  /** @param client the index of the entry that opens the session, so that no number comes twice */
  open(client: number): void {
    this.#sessions.set(client, { answeredThrough: 0, answers: new Map() });
    if (this.#sessions.size <= MAX_SESSIONS) return;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined) this.#sessions.delete(oldest);
  }

  close(client: number): void {
    this.#sessions.delete(client);
  }

  judge({ client, request, answeredThrough }: SessionRequest): Verdict {
    const session = this.#sessions.get(client);
    if (session === undefined) return { kind: "no-session" };
    // The one used last goes to the end.
    this.#sessions.delete(client);
    this.#sessions.set(client, session);
    forget(session, answeredThrough);
    if (request <= session.answeredThrough) return { kind: "answered" };
    const known = session.answers.get(request);
    if (known !== undefined) return { kind: "again", answer: known };
    if (session.answers.size >= MAX_OPEN_REQUESTS) return { kind: "too-many-open" };
    const answer: KeptAnswer = { result: undefined, isKnown: false };
    session.answers.set(request, answer);
    return { kind: "fresh", answer };
  }
}

function forget(session: Session, answeredThrough: number): void {
  if (answeredThrough <= session.answeredThrough) return;
  session.answeredThrough = answeredThrough;
  for (const request of session.answers.keys()) {
    if (request <= answeredThrough) session.answers.delete(request);
  }
}
