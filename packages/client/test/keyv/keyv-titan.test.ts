/** What Keyv's suite, which runs against a cluster (apps/node), cannot know of. */
import { Keyv } from "keyv";
import { expect, test } from "vitest";
import { KeyvTitan } from "../../src/keyv/index.js";
import { clientOf, failureOf, startNode } from "../fakes/harness.js";

test("an adapter of options has a client of its own, which disconnect closes", async () => {
  const node = await startNode();
  const adapter = new KeyvTitan({ endpoints: [node.endpoint] });
  const keyv = new Keyv({ store: adapter, namespace: "users" });
  await keyv.set("ada", { born: 1815 });
  expect(await keyv.get("ada")).toEqual({ born: 1815 });
  expect(node.read(Buffer.from("users:ada"))).toBeDefined();
  await keyv.disconnect();
  await adapter.disconnect();
  expect(await failureOf(adapter.get("a"))).toMatchObject({ code: "CLIENT_CLOSED" });
});

test("a client that was given stays open, whatever its values are", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint]);
  const adapter = new KeyvTitan(client.withValues("json"));
  await adapter.set("a", "1");
  await adapter.disconnect();
  expect(await client.get("a")).toBe("1");
  expect(await adapter.client.increment("a", 2)).toMatchObject({ value: 3 });
});

test("namespaces share a client and are cleared and iterated each on its own", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint]);
  const open = (namespace: string) => new Keyv({ store: new KeyvTitan(client), namespace });
  const [a, ab, b] = [open("a"), open("ab"), open("b")];
  await a.set("k", 1);
  await ab.set("k", 2);
  await b.set("k", 3);
  const entries: unknown[] = [];
  for await (const entry of a.iterator?.(undefined) ?? []) entries.push(entry);
  expect(entries).toEqual([["k", 1]]);
  await a.clear();
  expect([await a.get("k"), await ab.get("k"), await b.get("k")]).toEqual([undefined, 2, 3]);
});

test("a ttl is the server's: fractions round up, none and Infinity last, zero and less remove", async () => {
  const node = await startNode();
  const adapter = new KeyvTitan({ endpoints: [node.endpoint] });
  await adapter.set("short", "1", 99.5);
  await adapter.setMany([
    { key: "many", value: "2", ttl: 200 },
    { key: "last", value: "3", ttl: Number.POSITIVE_INFINITY },
  ]);
  await adapter.set("gone", "4");
  await adapter.setMany([{ key: "gone", value: "5", ttl: -1 }]);
  const ttlOf = async (key: string) => (await adapter.client.getEntry(key))?.ttlMs;
  expect(await ttlOf("short")).toBe(100);
  expect(await ttlOf("many")).toBe(200);
  expect(await ttlOf("last")).toBeUndefined();
  expect(await adapter.hasMany(["gone", "last"])).toEqual([false, true]);
  await adapter.disconnect();
});

test("what is no string or no time is refused, and nothing is sent", async () => {
  const node = await startNode();
  const adapter = new KeyvTitan({ endpoints: [node.endpoint] });
  await expect(adapter.set("k", 7)).rejects.toThrow("stores strings, not number");
  await expect(adapter.set("k", "v", Number.NaN)).rejects.toThrow("ttl must be a number");
  await expect(adapter.setMany([{ key: "k", value: {} }])).rejects.toThrow("stores strings");
  expect(node.calls).toEqual([]);
  await adapter.disconnect();
});

test("a failed read is emitted, since Keyv takes it for a missing key", async () => {
  const adapter = new KeyvTitan({ endpoints: ["127.0.0.1:1"], timeoutMs: 200 });
  const errors: unknown[] = [];
  const keyv = new Keyv({ store: adapter });
  keyv.on("error", (error) => errors.push(error));
  await keyv.get("k").catch(() => undefined);
  expect(errors[0]).toMatchObject({ code: "CLIENT_UNAVAILABLE" });
  await adapter.disconnect();
});
