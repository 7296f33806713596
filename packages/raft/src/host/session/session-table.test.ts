import { expect, test } from "vitest";
import { encodeSessions } from "./session-codec.js";
import { SessionTable } from "./session-table.js";

const MIB = 1024 * 1024;
const LIMIT = 64;
const answer = new Uint8Array(MIB);

/** A table in which each of so many clients has asked once and been answered with a mebibyte. */
function answered(clients: number): SessionTable {
  const sessions = new SessionTable();
  for (let client = 1; client <= clients; client += 1) {
    sessions.open(client);
    ask(sessions, client, 1);
  }
  return sessions;
}

function ask(sessions: SessionTable, client: number, request: number, answeredThrough = 0): void {
  const verdict = sessions.judge({ client, request, answeredThrough });
  if (verdict.kind !== "fresh") throw new Error(verdict.kind);
  sessions.keep(verdict.answer, answer);
}

/** Whether the answer to the client's first request is known; it must not be applied again. */
function isKnown(sessions: SessionTable, client: number): boolean {
  const verdict = sessions.judge({ client, request: 1, answeredThrough: 0 });
  if (verdict.kind !== "again") throw new Error(verdict.kind);
  return verdict.answer.isKnown;
}

test("beyond a limit in bytes the oldest answers go, and what was applied is still known", () => {
  const sessions = answered(LIMIT + 2);
  expect([1, 2, 3, LIMIT + 2].map((client) => isKnown(sessions, client))).toEqual([
    false,
    false,
    true,
    true,
  ]);
  expect(encodeSessions(sessions).length).toBeLessThan((LIMIT + 1) * MIB);
});

test("answers that a client has, and those of a session that ended, make room", () => {
  const sessions = answered(LIMIT);
  sessions.close(1);
  ask(sessions, 2, 2, 1);
  sessions.open(LIMIT + 1);
  ask(sessions, LIMIT + 1, 1);
  expect(isKnown(sessions, 3)).toBe(true);
});

test("a table that is loaded counts what it is given", () => {
  const sessions = new SessionTable();
  sessions.load(answered(LIMIT).entries());
  sessions.open(LIMIT + 1);
  ask(sessions, LIMIT + 1, 1);
  expect([1, 2].map((client) => isKnown(sessions, client))).toEqual([false, true]);
});
