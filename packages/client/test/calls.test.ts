import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import {
  type Entry,
  isClientError,
  type JsonValue,
  jsonValues,
  TitanClient,
  type WriteResult,
} from "../src/index.js";
import { FakeNode } from "./fakes/fake-node.js";

let node: FakeNode;
let client: TitanClient;

beforeEach(async () => {
  node = await FakeNode.start();
  client = new TitanClient({ endpoints: [node.endpoint] });
});

afterEach(async () => {
  await client.close();
  node.kill();
});

describe("values and keys", () => {
  test("what was put is got, deleted and then gone", async () => {
    expect(await client.put("key", "wörld")).toEqual({ revision: 1 });
    expect(await client.get("key")).toBe("wörld");
    expect(await client.getEntry("key")).toEqual({ key: "key", value: "wörld", revision: 1 });
    expect(await client.delete("key")).toBe(true);
    expect(await client.delete("key")).toBe(false);
    expect(await client.get("key")).toBeUndefined();
    expect(await client.getEntry("key")).toBeUndefined();
  });

  test("an empty value is a value", async () => {
    await client.put("empty", "");
    expect(await client.get("empty")).toBe("");
  });

  test("a time to live travels both ways", async () => {
    await client.put("key", "value", { ttlMs: 1_234 });
    expect(await client.getEntry("key")).toMatchObject({ ttlMs: 1_234 });
  });

  test("bytes come back as they were, whatever they are", async () => {
    const bytes = client.withValues("bytes");
    await bytes.put(Uint8Array.of(0xff, 0), Uint8Array.of(0x80, 0, 0xff));
    expect([...((await bytes.get(Uint8Array.of(0xff, 0))) ?? [])]).toEqual([0x80, 0, 0xff]);
  });

  test("bytes that are not text are refused when text was asked for", async () => {
    await client.withValues("bytes").put("key", Uint8Array.of(0xff));
    const failed = client.get("key");
    await expect(failed).rejects.toMatchObject({
      code: "CLIENT_DECODE_FAILED",
      outcome: "not-applied",
    });
    await expect(failed).rejects.toSatisfy(isClientError);
  });

  test("JSON comes back as an equal value", async () => {
    const json = client.withValues("json");
    await json.put("key", { list: [1, null, "x"], nested: { yes: true } });
    expect(await json.get("key")).toEqual({ list: [1, null, "x"], nested: { yes: true } });
    await expect(json.put("key", undefined as unknown as JsonValue)).rejects.toThrow(TypeError);
  });

  test("a codec of one's own is used for every value", async () => {
    const dates = client.withValues({
      name: "date",
      encode: (value: Date) => Buffer.from(value.toISOString()),
      decode: (bytes: Uint8Array) => new Date(Buffer.from(bytes).toString()),
    });
    expectTypeOf(dates).toEqualTypeOf<TitanClient<Date>>();
    await dates.put("key", new Date(0));
    expect(await dates.get("key")).toEqual(new Date(0));
    expect(await client.get("key")).toBe("1970-01-01T00:00:00.000Z");
  });

  test("types follow from the options", () => {
    const endpoints = [node.endpoint];
    expectTypeOf(client).toEqualTypeOf<TitanClient>();
    expectTypeOf(new TitanClient({ endpoints, values: "bytes", keys: "bytes" })).toEqualTypeOf<
      TitanClient<Uint8Array, Uint8Array>
    >();
    expectTypeOf(new TitanClient({ endpoints, values: jsonValues<{ a: 1 }>() })).toEqualTypeOf<
      TitanClient<{ a: 1 }>
    >();
    expectTypeOf(client.scan()).toEqualTypeOf<AsyncIterable<Entry<string>>>();
    expectTypeOf<ReturnType<TitanClient["put"]>>().resolves.toEqualTypeOf<WriteResult>();
  });

  test("status names the endpoint that answered", async () => {
    const expected = { endpoint: node.endpoint, nodeId: `node-${node.port}`, version: "1.2.3" };
    expect(await client.status()).toMatchObject(expected);
    expect(await client.status(node.endpoint)).toMatchObject(expected);
    await expect(client.status("127.0.0.1:1")).rejects.toThrow(RangeError);
  });
});

describe("batches", () => {
  test("operations of a batch apply in order", async () => {
    const result = await client.batch([
      { type: "put", key: "a", value: "1" },
      { type: "put", key: "b", value: "2", ttlMs: 500 },
      { type: "delete", key: "a" },
    ]);
    expect(result).toEqual({ revisions: [{ shard: 0, revision: 3 }] });
    expect(await client.get("a")).toBeUndefined();
    expect(await client.getEntry("b")).toMatchObject({ value: "2", ttlMs: 500 });
  });

  test("an empty batch sends nothing", async () => {
    expect(await client.batch([])).toEqual({ revisions: [] });
    expect(node.calls).toEqual([]);
  });

  test("a mistake in a batch names the operation", async () => {
    const failed = client.batch([
      { type: "put", key: "a", value: "1" },
      { type: "delete", key: "" },
    ]);
    await expect(failed).rejects.toThrow("operations[1]: a key has at least one byte");
    await expect(failed).rejects.toBeInstanceOf(RangeError);
    expect(node.calls).toEqual([]);
  });
});

describe("compare and set", () => {
  test("each kind of expectation is met or answered with what is there", async () => {
    expect(await client.cas("k", { expected: "present", value: "x" })).toEqual({
      applied: false,
      current: undefined,
    });
    expect(await client.cas("k", { expected: "absent", value: "1" })).toEqual({
      applied: true,
      revision: 1,
    });
    expect(await client.cas("k", { expected: "absent", value: "2" })).toEqual({
      applied: false,
      current: { key: "k", value: "1", revision: 1 },
    });
    expect(await client.cas("k", { expected: { value: "1" }, value: "2" })).toMatchObject({
      applied: true,
    });
    expect(await client.cas("k", { expected: { revision: 1 }, value: "3" })).toMatchObject({
      applied: false,
    });
    expect(await client.cas("k", { expected: "present", remove: true })).toMatchObject({
      applied: true,
    });
    expect(await client.get("k")).toBeUndefined();
  });

  test("a counter counts both ways", async () => {
    expect(await client.increment("n")).toEqual({ value: 1, revision: 1 });
    expect(await client.increment("n", 41)).toEqual({ value: 42, revision: 2 });
    expect(await client.increment("n", -2)).toEqual({ value: 40, revision: 3 });
    expect(await client.get("n")).toBe("40");
  });
});

describe("wrong arguments are refused before anything is sent", () => {
  const cases: readonly [string, () => Promise<unknown>, typeof TypeError | typeof RangeError][] = [
    ["empty key", () => client.get(""), RangeError],
    ["empty key in bytes", () => client.put(new Uint8Array(), "x"), RangeError],
    ["long key", () => client.delete("k".repeat(65_536)), RangeError],
    ["long key in UTF-8 only", () => client.get("€".repeat(21_846)), RangeError],
    ["lone surrogate in the key", () => client.get("a\ud800"), RangeError],
    ["lone surrogate in the value", () => client.put("k", "\udc00"), TypeError],
    ["key of another kind", () => client.get(1 as unknown as string), TypeError],
    ["value of another kind", () => client.put("k", 1 as unknown as string), TypeError],
    ["ttl 0", () => client.put("k", "v", { ttlMs: 0 }), RangeError],
    ["ttl NaN", () => client.put("k", "v", { ttlMs: Number.NaN }), RangeError],
    ["timeout 0", () => client.get("k", { timeoutMs: 0 }), RangeError],
    [
      "timeout infinite",
      () => client.get("k", { timeoutMs: Number.POSITIVE_INFINITY }),
      RangeError,
    ],
    ["delta that is no integer", () => client.increment("k", 0.5), RangeError],
    [
      "expectation of another kind",
      () => client.cas("k", { expected: null as never, value: "" }),
      TypeError,
    ],
    [
      "revision below 0",
      () => client.cas("k", { expected: { revision: -1 }, value: "" }),
      RangeError,
    ],
    ["no value to set", () => client.cas("k", { expected: "absent" } as never), TypeError],
    ["unknown operation", () => client.batch([{ type: "get", key: "k" } as never]), TypeError],
    ["signal that is none", () => client.get("k", { signal: {} as AbortSignal }), TypeError],
    ["limit 0", () => client.scan({ limit: 0 })[Symbol.asyncIterator]().next(), RangeError],
  ];
  test.each(cases)("%s", async (_name, call, kind) => {
    await expect(call()).rejects.toBeInstanceOf(kind);
    expect(node.calls).toEqual([]);
  });
});
