import fc from "fast-check";
import { expect, test } from "vitest";
import type { Entry } from "../../core/entry.js";
import { toLogIndex, toTerm } from "../../core/ids.js";
import { wrapCloseSession, wrapCommand, wrapOpenSession, wrapSessionCommand } from "../envelope.js";
import { ApplyBatch } from "./apply-batch.js";
import { decodeSessions, encodeSessions } from "./session-codec.js";
import { SessionTable } from "./session-table.js";

const client = fc.integer({ min: 1, max: 12 });
const data = fc.oneof(
  fc.constant(new Uint8Array(0)),
  fc.constant(wrapCommand(Uint8Array.of(1))),
  fc.constant(wrapOpenSession()),
  client.map(wrapCloseSession),
  fc
    .record({
      client,
      request: fc.integer({ min: 1, max: 6 }),
      answeredThrough: fc.nat(3),
    })
    .map((session) => wrapSessionCommand(session, Uint8Array.of(2))),
);
const log = fc
  .array(data, { minLength: 1, maxLength: 60 })
  .map((all) => all.map((bytes, at) => entryAt(at + 1, bytes)));

function entryAt(index: number, bytes: Uint8Array): Entry {
  return { index: toLogIndex(index), term: toTerm(1), type: "normal", data: bytes };
}

/** Applies `entries` cut at `cuts`; the state machine answers each command with its index. */
function applyCut(entries: readonly Entry[], cuts: ReadonlySet<number>) {
  const sessions = new SessionTable();
  const outcomes: unknown[] = [];
  const applied: number[] = [];
  let batch = new ApplyBatch(sessions, 0);
  for (const [at, entry] of entries.entries()) {
    batch.add(entry);
    if (!cuts.has(at) && at < entries.length - 1) continue;
    applied.push(...batch.commands.map(({ index }) => index));
    const answers = batch.commands.map(({ index }) => Uint8Array.of(index));
    outcomes.push(...batch.finish(answers));
    batch = new ApplyBatch(sessions, 0);
  }
  return { outcomes, applied, sessions };
}

test("however a log is cut into batches, outcomes, commands and sessions are the same", () => {
  fc.assert(
    fc.property(log, fc.uniqueArray(fc.nat(60)), (entries, cuts) => {
      const each = applyCut(entries, new Set(entries.keys()));
      const some = applyCut(entries, new Set(cuts));
      expect(some.outcomes).toEqual(each.outcomes);
      expect(some.applied).toEqual(each.applied);
      expect(encodeSessions(some.sessions)).toEqual(encodeSessions(each.sessions));
    }),
  );
});

test("a request is given to the state machine once while its session lasts", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 30 }), (requests) => {
      const commands = requests.map((request) =>
        wrapSessionCommand({ client: 1, request, answeredThrough: 0 }, Uint8Array.of(request)),
      );
      const entries = [wrapOpenSession(), ...commands].map((bytes, at) => entryAt(at + 1, bytes));
      const { applied, outcomes } = applyCut(entries, new Set());
      expect(applied).toHaveLength(new Set(requests).size);
      const answers = new Map<number, unknown>();
      for (const [at, request] of requests.entries()) {
        const first = answers.get(request) ?? outcomes[at + 1];
        answers.set(request, first);
        expect(outcomes[at + 1]).toEqual(first);
      }
    }),
  );
});

test("sessions come back from their bytes as they were", () => {
  fc.assert(
    fc.property(log, (entries) => {
      const { sessions } = applyCut(entries, new Set());
      const bytes = encodeSessions(sessions);
      const copy = new SessionTable();
      copy.load(decodeSessions(bytes));
      expect(encodeSessions(copy)).toEqual(bytes);
    }),
  );
});

test("bytes that are no sessions are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
      try {
        decodeSessions(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: "RAFT_HOST_SNAPSHOT_DAMAGED" });
      }
    }),
  );
});
