/** Through unstorage itself. Watching, which the fake node does not, is tested against real nodes (apps/node). */
import { createStorage } from "unstorage";
import { expect, test } from "vitest";
import { titanDriver } from "../../src/unstorage/index.js";
import { clientOf, failureOf, startNode } from "../fakes/harness.js";

test("a storage keeps values of all kinds, by keys with or without a base", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint]);
  const storage = createStorage({ driver: titanDriver({ client, base: "app" }) });
  await storage.setItem("user:ada", { born: 1815 });
  await storage.setItem("user:text", "hello");
  await storage.setItemRaw("blob", Buffer.of(0, 255));
  expect(await storage.getItem("user:ada")).toEqual({ born: 1815 });
  expect(await storage.getItem("missing")).toBeNull();
  expect(Buffer.from((await storage.getItemRaw<Uint8Array>("blob")) ?? [])).toEqual(
    Buffer.of(0, 255),
  );
  expect(await client.get("app:user:text")).toBe("hello");
  expect(await storage.hasItem("user:ada")).toBe(true);
  await storage.setItems([
    { key: "a", value: "1" },
    { key: "b", value: "2", options: { ttl: 60 } },
  ]);
  expect(await storage.getItems(["a", "b", "c"])).toEqual([
    { key: "a", value: 1 },
    { key: "b", value: 2 },
    { key: "c", value: null },
  ]);
  expect((await storage.getKeys()).toSorted()).toEqual(["a", "b", "blob", "user:ada", "user:text"]);
  expect((await storage.getKeys("user")).toSorted()).toEqual(["user:ada", "user:text"]);
  await client.put("elsewhere", "stays");
  await storage.removeItem("a");
  expect(await storage.hasItem("a")).toBe(false);
  await storage.clear();
  expect(await storage.getKeys()).toEqual([]);
  expect(await client.get("elsewhere")).toBe("stays");
});

test("times to live are seconds, of the call or of the driver", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint]);
  const storage = createStorage({ driver: titanDriver({ client, ttl: 100 }) });
  await storage.setItem("usual", "1");
  await storage.setItem("short", "1", { ttl: 1.5 });
  expect((await client.getEntry("usual"))?.ttlMs).toBe(100_000);
  expect((await client.getEntry("short"))?.ttlMs).toBe(1_500);
  expect(await storage.getMeta("short", { nativeOnly: true })).toMatchObject({ ttl: 2 });
});

test("two storages with bases of their own do not meet", async () => {
  const node = await startNode();
  const client = clientOf([node.endpoint]);
  const [a, ab] = ["a", "ab"].map((base) =>
    createStorage({ driver: titanDriver({ client, base }) }),
  );
  await a?.setItem("k", "1");
  await ab?.setItem("k", "2");
  await a?.clear();
  expect(await ab?.getKeys()).toEqual(["k"]);
});

test("a client of its own is closed with the driver, another is not", async () => {
  const node = await startNode();
  const own = titanDriver({ client: { endpoints: [node.endpoint] } });
  await own.setItem("k", "v");
  await own.dispose();
  expect(await failureOf(own.getItem("k"))).toMatchObject({ code: "CLIENT_CLOSED" });
  const client = clientOf([node.endpoint]);
  const other = titanDriver({ client });
  expect((await other.getInstance().increment("n")).value).toBe(1);
  await other.dispose();
  expect(await client.get("k")).toBe("v");
});
