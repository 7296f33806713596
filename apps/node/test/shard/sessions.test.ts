import { beforeEach, expect, test } from "vitest";
import { decodeResult } from "../../src/shard/result-codec.js";
import { MAX_ANSWER_BYTES, MAX_SESSIONS, MAX_UNCONFIRMED } from "../../src/shard/session-table.js";
import type { ShardWrite, WriteId } from "../../src/shard/shard-command.js";
import { MachineBench } from "../support/shard-machine.js";

const SESSION = Buffer.from("s1");
const IDLE_MS = 1000;
const INCREMENT = {
  type: "increment",
  keyspace: 1,
  key: Buffer.from("n"),
  delta: 1,
  ttlMs: 0,
} as const;
let bench: MachineBench;

function open(id: Buffer = SESSION, atMs = 0) {
  return bench.run({ type: "open-session", sessionId: id, idleTimeoutMs: IDLE_MS }, atMs);
}

function id(sequence: number, acknowledgedBelow = 0, sessionId = SESSION): WriteId {
  return { sessionId, sequence, acknowledgedBelow };
}

function write(writeId: WriteId, atMs = 0, body: ShardWrite = INCREMENT) {
  return bench.run(body, atMs, writeId);
}

beforeEach(async () => {
  bench = await MachineBench.open();
});

test("a write that is proposed again is applied once, and has the first answer", async () => {
  await open();
  const first = await write(id(1));
  expect(await write(id(1))).toEqual(first);
  expect(await write(id(2))).toMatchObject({ value: 2 });
});

test("so it is within one batch", async () => {
  await open();
  const command = { body: INCREMENT, atMs: 0, writeId: id(1) };
  const [first, again, next] = await bench.runAll([
    command,
    command,
    { ...command, writeId: id(2) },
  ]);
  expect(Buffer.from(again ?? [])).toEqual(Buffer.from(first ?? []));
  expect(decodeResult(next ?? new Uint8Array(0))).toMatchObject({ value: 2 });
});

test("a refusal is a first answer, too", async () => {
  await open();
  await bench.put("n", "no number");
  await expect(write(id(1))).rejects.toMatchObject({ code: "NOT_A_COUNTER" });
  await bench.put("n", "5");
  await expect(write(id(1))).rejects.toMatchObject({ code: "NOT_A_COUNTER" });
  expect(await write(id(2))).toMatchObject({ value: 6 });
});

test("sessions and answers survive a restart and a snapshot", async () => {
  await open();
  const first = await write(id(1));
  await bench.machine.close();
  bench = await bench.reopen();
  expect(await write(id(1))).toEqual(first);
  const { index, bytes } = await bench.snapshot();
  bench = await MachineBench.open();
  await bench.restore(index, bytes);
  expect(await write(id(1))).toEqual(first);
  expect(await write(id(2))).toMatchObject({ value: 2 });
});

test("the first one of a session may have any sequence, and they may come in any order", async () => {
  await open();
  expect(await write(id(9))).toMatchObject({ value: 1 });
  expect(await write(id(3))).toMatchObject({ value: 2 });
  expect(await write(id(9))).toMatchObject({ value: 1 });
});

test("a session that was never opened, was closed, or was idle for too long is refused", async () => {
  await expect(write(id(1))).rejects.toMatchObject({
    code: "SESSION_EXPIRED",
    outcome: "not-applied",
  });
  await open();
  await bench.run({ type: "close-session", sessionId: SESSION });
  await expect(write(id(1))).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  await open(SESSION, 5000);
  expect(await write(id(1), 5000 + IDLE_MS - 1)).toMatchObject({ value: 1 });
  expect(await write(id(2), 5000 + 2 * IDLE_MS - 2)).toMatchObject({ value: 2 });
  await expect(write(id(3), 5000 + 3 * IDLE_MS)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
});

test("an idle session is ended by expiry, with all that it kept", async () => {
  const before = bench.records();
  await open();
  await write(id(1), 0, { type: "delete", keyspace: 1, key: Buffer.from("nothing") });
  expect(bench.machine.earliestDueMs).toBe(IDLE_MS);
  await bench.run({ type: "expire" }, IDLE_MS);
  expect(bench.records()).toEqual(before);
  expect(bench.machine.earliestDueMs).toBe(Number.POSITIVE_INFINITY);
});

test("opening a session again keeps its answers", async () => {
  await open();
  const first = await write(id(1));
  await open();
  expect(await write(id(1))).toEqual(first);
});

test("an acknowledged write is refused when it comes again", async () => {
  await open();
  await write(id(1));
  await write(id(2, 2));
  await expect(write(id(1, 1))).rejects.toMatchObject({
    code: "ALREADY_ANSWERED",
    outcome: "unknown",
  });
});

test("writes beyond what may wait to be acknowledged are refused, and go on once some are", async () => {
  await open();
  for (let sequence = 1; sequence <= MAX_UNCONFIRMED; sequence += 1) await write(id(sequence));
  const next = MAX_UNCONFIRMED + 1;
  await expect(write(id(next))).rejects.toMatchObject({
    code: "OVERLOADED",
    outcome: "not-applied",
  });
  expect(await write(id(2))).toMatchObject({ value: 2 });
  expect(await write(id(next, 2))).toMatchObject({ value: next });
});

test("an answer too large to be kept is not applied again", async () => {
  await open();
  await bench.put("large", "x".repeat(MAX_ANSWER_BYTES + 1));
  const write1 = (): Promise<unknown> =>
    write(id(1), 0, {
      type: "txn",
      keyspace: 1,
      responseBytes: 1 << 20,
      compares: [],
      then: [
        { type: "get", key: Buffer.from("large") },
        { type: "put", key: Buffer.from("n"), value: Buffer.from("7"), ttlMs: 0 },
      ],
      otherwise: [],
    });
  await write1();
  await bench.put("n", "1");
  await expect(write1()).rejects.toMatchObject({ code: "ALREADY_ANSWERED", outcome: "unknown" });
  expect(await write(id(2))).toMatchObject({ value: 2 });
});

test("of too many sessions the one that was not used for longest goes", async () => {
  const commands = Array.from({ length: MAX_SESSIONS }, (_, at) => ({
    body: {
      type: "open-session" as const,
      sessionId: Buffer.from(`s${at}`),
      idleTimeoutMs: IDLE_MS,
    },
    atMs: 0,
    writeId: undefined,
  }));
  await bench.runAll(commands);
  await write(id(1, 0, Buffer.from("s0")));
  await open(Buffer.from("one more"));
  expect(await write(id(2, 0, Buffer.from("s0")))).toMatchObject({ value: 2 });
  const gone = write(id(1, 0, Buffer.from("s1")));
  await expect(gone).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  await bench.machine.close();
  bench = await bench.reopen();
  await open(Buffer.from("and one more"));
  expect(await write(id(3, 0, Buffer.from("s0")))).toMatchObject({ value: 3 });
  await expect(write(id(1, 0, Buffer.from("s2")))).rejects.toMatchObject({
    code: "SESSION_EXPIRED",
  });
});

test.each([
  [0, 0],
  [3, 4],
])("sequence %i with all below %i acknowledged makes no sense", async (sequence, below) => {
  await open();
  await expect(write(id(sequence, below))).rejects.toMatchObject({ code: "FIELD_INVALID" });
});

test.each([0, 65])("a session id of %i bytes is refused", async (length) => {
  await expect(open(Buffer.alloc(length, 1))).rejects.toMatchObject({ code: "FIELD_INVALID" });
});
