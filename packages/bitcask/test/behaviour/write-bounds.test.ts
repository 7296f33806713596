import { expect, test } from "vitest";
import type { Codec } from "../../src/index.js";
import { Bench, text } from "./bench-store.js";

test("a codec that throws refuses its own call, also when that had to wait outside", async () => {
  const picky: Codec = {
    id: 78,
    name: "picky",
    compress: (value) => {
      if (value[0] === 0) throw new Error("not this one");
      return value;
    },
    decompress: (compressed) => compressed,
  };
  const bench = new Bench();
  const db = await bench.open({ maxQueuedBytes: 500, compression: { codec: picky } });
  const values = [1, 0, 2, 0, 3].map((first) => new Uint8Array(400).fill(first));
  const puts = values.map((value, index) => db.put(`key-${index}`, value));
  const results = await Promise.allSettled(puts);
  const statuses = results.map(({ status }) => status);
  expect(statuses).toEqual(["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"]);
  expect(results[3]).toMatchObject({ reason: { message: "not this one" } });
  await db.put("later", "value");
  expect(text(db.getSync("later"))).toBe("value");
  expect(db.has("key-3")).toBe(false);
  expect(db.stats().writes).toMatchObject({ queuedWrites: 0, queuedBytes: 0 });
  await db.close();
});

test("writes outside wait up to a bound in bytes; those beyond are refused", async () => {
  const bench = new Bench();
  const db = await bench.open({ maxQueuedBytes: 500, maxWaitingBytes: 1000 });
  const value = "v".repeat(400);
  const puts = Array.from({ length: 6 }, (_, index) => db.put(`key-${index}`, value));
  const synced = db.sync();
  const { queuedBytes } = db.stats().writes;
  expect(queuedBytes).toBeGreaterThan(1200);
  expect(queuedBytes).toBeLessThanOrEqual(1500);
  const results = await Promise.allSettled(puts);
  const statuses = results.map(({ status }) => status);
  expect(statuses.filter((status) => status === "fulfilled").length).toBe(3);
  expect(results[5]).toMatchObject({
    reason: { code: "BITCASK_OVERLOADED", outcome: "not-applied" },
  });
  await synced;
  expect(db.stats().writes).toMatchObject({ queuedWrites: 0, queuedBytes: 0 });
  await db.put("later", value);
  await db.close();
});

test("a write larger than the bound waits outside when nothing else does", async () => {
  const bench = new Bench();
  const db = await bench.open({ maxQueuedBytes: 500, maxWaitingBytes: 1000 });
  await Promise.all([db.put("a", "v".repeat(400)), db.put("b", new Uint8Array(5000))]);
  expect(db.getSync("b")?.length).toBe(5000);
  await db.close();
});

test("syncs that wait outside one behind the other take up one place", async () => {
  const bench = new Bench();
  const db = await bench.open({ maxQueuedBytes: 500 });
  const puts = [db.put("a", "v".repeat(400)), db.put("b", "v".repeat(400))];
  const syncs = Array.from({ length: 1000 }, () => db.sync());
  expect(db.stats().writes.queuedWrites).toBe(3);
  await Promise.all([...puts, ...syncs]);
  expect(db.stats().writes.queuedWrites).toBe(0);
  await db.close();
});

test("syncs that nothing comes between are one, however many are called", async () => {
  const bench = new Bench();
  const db = await bench.open({ maxQueuedWrites: 3, sync: "never" });
  const put = db.put("a", "1");
  const syncs = Array.from({ length: 5000 }, () => db.sync());
  expect(new Set(syncs).size).toBe(1);
  expect(db.stats().writes.queuedWrites).toBe(2);
  await expect(Promise.all([put, ...syncs])).resolves.toHaveLength(5001);
  expect(db.stats().writes).toMatchObject({
    queuedWrites: 0,
    queuedBytes: 0,
    syncs: expect.any(Number),
  });
  // Also while a group is under way, and behind one that is refused.
  const late = [db.put("b", "1"), db.sync(), db.sync(), db.put("c", "1")];
  const refused = db.put("d", "1");
  await expect(refused).rejects.toMatchObject({ code: "BITCASK_OVERLOADED" });
  await Promise.all(late);
  await db.close();
  await expect(db.sync()).rejects.toMatchObject({ code: "BITCASK_CLOSED" });
});
