import { expect, test } from "vitest";
import { Bench, collect, text } from "./bench-store.js";

test("a write shows when its promise resolves, and not before", async () => {
  const bench = new Bench();
  const db = await bench.open();
  const put = db.put("a", "1");
  expect(db.getSync("a")).toBeUndefined();
  await put;
  expect(text(db.getSync("a"))).toBe("1");
  const batch = db.batch([
    { type: "put", key: "b", value: "2" },
    { type: "delete", key: "a" },
  ]);
  expect(text(db.getSync("a"))).toBe("1");
  await batch;
  expect((await collect(db.keys())).map(text)).toEqual(["b"]);
  await db.close();
});

test("writes take effect in the order of the calls, whatever they ask for", async () => {
  const bench = new Bench();
  const db = await bench.open({ dataFileMaxBytes: 300, maxQueuedBytes: 200 });
  const modes = ["always", "never", "interval"] as const;
  const answers: string[] = [];
  const writes = Array.from({ length: 60 }, async (_, index) => {
    const sync = modes[index % 3] as (typeof modes)[number];
    if (index % 7 === 6) await db.delete("k", { sync });
    else await db.put("k", `${index}`, { sync });
    answers.push(`${index}`);
  });
  await Promise.all(writes);
  expect(answers).toEqual(Array.from({ length: 60 }, (_, index) => `${index}`));
  expect(text(db.getSync("k"))).toBe("59");
  await db.close();
});

test("what is durable after a power cut is a prefix of what was called", async () => {
  const bench = new Bench();
  const db = await bench.open({ sync: "never" });
  for (let index = 0; index < 5; index++) await db.put(`k${index}`, "v");
  await db.put("last", "v", { sync: "always" });
  await db.put("lost", "v");
  bench.cutPower();
  const again = await bench.open();
  expect(again.stats().keys).toBe(6);
  expect(again.has("lost")).toBe(false);
  await again.close();
});

test("a timed sync covers interval writes", async () => {
  const bench = new Bench();
  const db = await bench.open({ sync: "interval", syncIntervalMs: 50 });
  await db.put("a", "1");
  bench.clock.advance(50);
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  await db.put("b", "2");
  bench.cutPower();
  const again = await bench.open();
  expect([again.has("a"), again.has("b")]).toEqual([true, false]);
  await again.close();
});
