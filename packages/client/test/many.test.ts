import { Status } from "nice-grpc";
import { expect, test } from "vitest";
import { clientOf, failureOf, startNode } from "./fakes/harness.js";
import { titanError } from "./fakes/titan-error.js";

const COUNT = 1_000;
const entries = Array.from({ length: COUNT }, (_, n) => ({ key: `k${n}`, value: `v${n}` }));

test("many are written and read in their order, no more at once than the client sends", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint], { maxConcurrentCalls: 8, maxQueuedCalls: 0 });
  await client.putMany(entries);
  const keys = [...entries.map(({ key }) => key), "missing"];
  expect(await client.getMany(keys)).toEqual([...entries.map(({ value }) => value), undefined]);
  expect(node.peak).toBeLessThanOrEqual(8);
  expect(await client.getMany([])).toEqual([]);
});

test("each has its own time to live, or that of the call", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint]);
  await client.putMany(
    [
      { key: "a", value: "1" },
      { key: "b", value: "2", ttlMs: 70_000 },
    ],
    { ttlMs: 60_000 },
  );
  expect((await client.getEntry("a"))?.ttlMs).toBe(60_000);
  expect((await client.getEntry("b"))?.ttlMs).toBe(70_000);
});

test("a failure ends it, and says that others may have been written", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint], { maxConcurrentCalls: 4 });
  node.misbehave = () => {
    if (node.count("put") !== 10) return;
    throw titanError(Status.INVALID_ARGUMENT, "VALUE_TOO_LARGE", { outcome: "not-applied" });
  };
  expect(await failureOf(client.putMany(entries))).toMatchObject({
    ...{ code: "CLIENT_INVALID_ARGUMENT", outcome: "unknown", reason: "VALUE_TOO_LARGE" },
    message: expect.stringContaining("others of the same call"),
  });
  expect(node.count("put")).toBeLessThan(20);
});

test("one deadline is for all", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint], { maxConcurrentCalls: 2 });
  node.misbehave = () => new Promise((resolve) => setTimeout(resolve, 20));
  expect(await failureOf(client.getMany(Array(COUNT).fill("k"), { timeoutMs: 200 }))).toMatchObject(
    { code: "CLIENT_TIMEOUT", outcome: "not-applied" },
  );
  expect(node.count("get")).toBeLessThan(COUNT / 10);
});

test("what is no list is refused, and so is all once the client is closed", async () => {
  const client = clientOf(["127.0.0.1:1"]);
  await expect(client.getMany("ab" as unknown as string[])).rejects.toThrow(TypeError);
  await client.close();
  expect(await failureOf(client.putMany([]))).toMatchObject({ code: "CLIENT_CLOSED" });
});
