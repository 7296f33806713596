import { beforeEach, expect, test } from "vitest";
import type { ShardHistory } from "../../src/shard/shard-replica.js";
import { MachineBench } from "../support/shard-machine.js";

const PAGE = { changes: 100, bytes: 1 << 20 };
const LIMITS = { changes: 6, bytes: 4096 };
let bench: MachineBench;

beforeEach(async () => {
  bench = await MachineBench.open(undefined, { history: LIMITS });
});

function read(from: number, page = PAGE): ShardHistory {
  return bench.machine.history.read(from, bench.machine.appliedIndex, page);
}

/** In words, such as `put a=1 @3`. */
function words(history: ShardHistory): readonly string[] {
  if (history.type === "compacted") return [`compacted ${history.oldest}`];
  const changes = history.changes.map(({ kind, key, value, revision }) => {
    const what = kind === "put" ? `=${Buffer.from(value).toString()}` : "";
    return `${kind} ${Buffer.from(key).toString()}${what} @${revision}`;
  });
  return [...changes, `to ${history.progress}`];
}

test("every change of every key is told in the order of the log, and what changed nothing is not", async () => {
  await bench.put("a", "1");
  await bench.run({ type: "delete", keyspace: 1, key: Buffer.from("nothing") });
  await bench.run({
    type: "batch",
    keyspace: 1,
    operations: [
      { type: "put", key: Buffer.from("b"), value: Buffer.from("2"), ttlMs: 5 },
      { type: "delete", key: Buffer.from("a") },
    ],
  });
  await bench.run({ type: "expire" }, 100);
  expect(words(read(0))).toEqual([
    "put a=1 @1",
    "put b=2 @3",
    "delete a @3",
    "expire b @4",
    "to 4",
  ]);
  expect(words(read(3))).toEqual(["expire b @4", "to 4"]);
  expect(words(read(4))).toEqual(["to 4"]);
  expect(words(read(9))).toEqual(["to 9"]);
});

test("a change carries its expiry and its keyspace", async () => {
  await bench.run(
    { type: "put", keyspace: 300, key: Buffer.from("a"), value: Buffer.from("1"), ttlMs: 7 },
    50,
  );
  expect(read(0)).toMatchObject({ changes: [{ keyspace: 300, expiresAtMs: 57 }] });
});

test("a page ends behind a whole revision", async () => {
  await bench.put("a", "1");
  const operations = ["b", "c"].map((key) => ({
    type: "put" as const,
    key: Buffer.from(key),
    value: Buffer.from("2"),
    ttlMs: 0,
  }));
  await bench.run({ type: "batch", keyspace: 1, operations });
  await bench.put("d", "3");
  expect(words(read(0, { changes: 2, bytes: 1 << 20 }))).toEqual([
    "put a=1 @1",
    "put b=2 @2",
    "put c=2 @2",
    "to 2",
  ]);
  expect(words(read(2, { changes: 1, bytes: 1 }))).toEqual(["put d=3 @3", "to 3"]);
});

test("changes beyond the bounds are forgotten, oldest first, and that is said", async () => {
  for (let at = 1; at <= 10; at += 1) await bench.put("k", `${at}`);
  expect(words(read(3))).toEqual(["compacted 4"]);
  expect(words(read(4))).toHaveLength(LIMITS.changes + 1);
  await bench.put("k", "x".repeat(LIMITS.bytes));
  expect(words(read(10))).toEqual(["compacted 11"]);
  expect(words(read(11))).toEqual(["to 11"]);
});

test("forgetting many leaves the rest in order", async () => {
  for (let at = 1; at <= 3000; at += 50) {
    const put = {
      type: "put",
      keyspace: 1,
      key: Buffer.from("k"),
      value: Buffer.from("v"),
      ttlMs: 0,
    } as const;
    await bench.runAll(
      Array.from({ length: 50 }, () => ({ body: put, atMs: 0, writeId: undefined })),
    );
  }
  const kept = Array.from({ length: LIMITS.changes }, (_, at) => `put k=v @${2995 + at}`);
  expect(words(read(2994))).toEqual([...kept, "to 3000"]);
});

test("the history survives a clean end, and not a crash", async () => {
  await bench.put("a", "1");
  await bench.put("b", "2");
  await bench.machine.close();
  bench = await bench.reopen();
  expect(words(read(0))).toEqual(["put a=1 @1", "put b=2 @2", "to 2"]);
  await bench.put("c", "3");
  await bench.machine.sync();
  bench = await MachineBench.open(bench.fileSystem.crash());
  expect(words(read(0))).toEqual(["compacted 3"]);
  expect(words(read(3))).toEqual(["to 3"]);
});

test("a history that does not belong to the state, or is damaged, is not taken", async () => {
  await bench.put("a", "1");
  await bench.machine.close();
  const path = "/data/shards/0/history";
  const handle = await bench.fileSystem.open(path, "read-write");
  await handle.write(Buffer.from("xx"), 10);
  await handle.close();
  bench = await bench.reopen();
  expect(words(read(0))).toEqual(["compacted 1"]);
});

test("a snapshot brings the history along", async () => {
  await bench.put("a", "1");
  await bench.put("b", "2");
  const { index, bytes } = await bench.snapshot();
  bench = await MachineBench.open();
  await bench.restore(index, bytes);
  expect(words(read(0))).toEqual(["put a=1 @1", "put b=2 @2", "to 2"]);
  await bench.put("c", "3");
  expect(words(read(1))).toEqual(["put b=2 @2", "put c=3 @3", "to 3"]);
});
