import { describe, expect, test } from "vitest";
import { KvStore } from "../src/kv/kv-store.js";
import { RevisionSource } from "../src/kv/revision.js";
import type { ScanPage, ScanRequest } from "../src/kv/scan.js";
import { SMALL_LIMITS } from "./support/kv-limits.js";
import { ManualTimer, MemoryEngine } from "./support/memory-engine.js";

const NOTHING = new Uint8Array(0);
const ALL: ScanRequest = {
  ...{ keyspace: 1, prefix: NOTHING, start: NOTHING, end: NOTHING, cursor: NOTHING },
  ...{ reverse: false, limit: 0, keysOnly: false, pageSize: 0 },
};

async function storeWith(
  keys: readonly (string | Uint8Array)[],
  engine: MemoryEngine = new MemoryEngine(),
) {
  const revisions = await RevisionSource.open(1, () => Promise.resolve());
  const store = new KvStore({ engine, revisions, timer: new ManualTimer() }, SMALL_LIMITS);
  for (const key of keys) {
    await store.put(1, { key: Buffer.from(key as string), value: Buffer.from("v"), ttlMs: 0 });
  }
  await store.put(2, { key: Buffer.from("other keyspace"), value: Buffer.from("v"), ttlMs: 0 });
  return store;
}

async function pagesOf(store: KvStore, request: Partial<ScanRequest>): Promise<ScanPage[]> {
  const pages: ScanPage[] = [];
  for await (const page of store.scan({ ...ALL, ...request })) pages.push(page);
  return pages;
}

const keysOf = (pages: readonly ScanPage[]): string[] =>
  pages.flatMap(({ entries }) => entries.map(({ key }) => Buffer.from(key).toString()));

test("an empty range is one empty page without a cursor", async () => {
  const store = await storeWith([]);
  expect(await pagesOf(store, {})).toEqual([{ entries: [], cursor: NOTHING }]);
  expect(await pagesOf(store, { start: Buffer.from("b"), end: Buffer.from("a") })).toHaveLength(1);
});

test("all keys come in order, only the last page has no cursor", async () => {
  const store = await storeWith(["e", "b", "d", "a", "c", "h", "g", "f"]);
  const pages = await pagesOf(store, {});
  expect(keysOf(pages)).toEqual(["a", "b", "c", "d", "e", "f", "g", "h"]);
  expect(pages.map(({ cursor }) => cursor.length > 0)).toEqual([true, false]);
});

test.each([
  ["prefix", { prefix: "b" }, ["b", "b1", "b2"]],
  ["start included, end not", { start: "a2", end: "b1" }, ["a2", "b"]],
  ["prefix and bounds together", { prefix: "b", start: "b1" }, ["b1", "b2"]],
  ["bounds outside of the prefix", { prefix: "b", start: "a", end: "c" }, ["b", "b1", "b2"]],
])("%s", async (_name, range, expected) => {
  const store = await storeWith(["a1", "a2", "b", "b1", "b2", "c"]);
  const bounds = Object.fromEntries(
    Object.entries(range).map(([name, value]) => [name, Buffer.from(value)]),
  );
  expect(keysOf(await pagesOf(store, bounds))).toEqual(expected);
  const reversed = await pagesOf(store, { ...bounds, reverse: true });
  expect(keysOf(reversed)).toEqual([...expected].reverse());
});

test("a prefix of bytes 0xff has an end too", async () => {
  const keys = [Uint8Array.of(0xfe), Uint8Array.of(0xff), Uint8Array.of(0xff, 0xff)];
  const store = await storeWith(keys);
  const pages = await pagesOf(store, { prefix: Uint8Array.of(0xff) });
  expect(pages.flatMap(({ entries }) => entries.length)).toEqual([2]);
});

test.each([false, true])("a cursor goes on behind its page (reverse: %s)", async (reverse) => {
  const store = await storeWith("abcdefghij".split(""));
  const seen: string[] = [];
  let cursor: Uint8Array = NOTHING;
  do {
    const pages = await pagesOf(store, { reverse, cursor, limit: 3 });
    seen.push(...keysOf(pages));
    cursor = pages.at(-1)?.cursor ?? NOTHING;
  } while (cursor.length > 0);
  expect(seen.join("")).toBe(reverse ? "jihgfedcba" : "abcdefghij");
});

test.each([
  ["of an unknown version", Buffer.from([9, 0, 97])],
  ["of the other direction", Buffer.from([1, 1, 97])],
  ["without a key", Buffer.from([1, 0])],
  ["of another range", Buffer.from([1, 0, 98])],
])("a cursor %s is refused", async (_name, cursor) => {
  const store = await storeWith(["a"]);
  await expect(pagesOf(store, { prefix: Buffer.from("a"), cursor })).rejects.toMatchObject({
    code: "FIELD_INVALID",
    metadata: { field: "cursor" },
  });
});

test("a page ends when it has its bytes, and keys alone weigh less", async () => {
  const revisions = await RevisionSource.open(1, () => Promise.resolve());
  const limits = { ...SMALL_LIMITS, scanPageKeys: 100 };
  const store = new KvStore(
    { engine: new MemoryEngine(), revisions, timer: new ManualTimer() },
    limits,
  );
  for (const key of "abcdef") {
    await store.put(1, { key: Buffer.from(key), value: Buffer.alloc(250), ttlMs: 0 });
  }
  expect((await pagesOf(store, {})).map(({ entries }) => entries.length)).toEqual([2, 2, 2]);
  const keysOnly = await pagesOf(store, { keysOnly: true });
  expect(keysOnly.map(({ entries }) => entries.length)).toEqual([6]);
  expect(keysOnly[0]?.entries[0]).toMatchObject({ value: NOTHING, revision: 1 });
});

describe("a view that the store gives up", () => {
  const letters = "abcdefghij".split("");

  test.each([
    [1, false],
    [2, false],
    [3, false],
    [7, false],
    [1, true],
    [4, true],
  ])("after %i records costs the scan nothing (reverse: %s)", async (viewRecords, reverse) => {
    const engine = new MemoryEngine();
    engine.viewRecords = viewRecords;
    const store = await storeWith(letters, engine);
    const pages = await pagesOf(store, { reverse, pageSize: 3 });
    expect(keysOf(pages)).toEqual(reverse ? letters.toReversed() : letters);
    // Each page but the last has a cursor, so that it is a whole one: from one view.
    expect(pages.slice(0, -1).every(({ cursor }) => cursor.length > 0)).toBe(true);
    expect(pages.at(-1)?.cursor).toEqual(NOTHING);
    expect(engine.openViews).toBe(0);
  });

  test("at the limit of the scan ends it there", async () => {
    const engine = new MemoryEngine();
    engine.viewRecords = 3;
    const store = await storeWith(letters, engine);
    expect(keysOf(await pagesOf(store, { limit: 3 }))).toEqual(["a", "b", "c"]);
    expect(keysOf(await pagesOf(store, { limit: 5, pageSize: 2 }))).toEqual(letters.slice(0, 5));
  });

  test("before it gave anything ends the scan with a retry hint, not in a loop", async () => {
    const engine = new MemoryEngine();
    engine.viewRecords = 0;
    const store = await storeWith(letters, engine);
    await expect(pagesOf(store, {})).rejects.toMatchObject({ code: "OVERLOADED" });
    expect(engine.openViews).toBe(0);
  });
});

describe("a client that does not ask for the next page", () => {
  async function pausedScan(reverse: boolean) {
    const engine = new MemoryEngine();
    const timer = new ManualTimer();
    const revisions = await RevisionSource.open(1, () => Promise.resolve());
    const store = new KvStore({ engine, revisions, timer }, SMALL_LIMITS);
    const put = (key: string) =>
      store.put(1, { key: Buffer.from(key), value: Buffer.from("v"), ttlMs: 0 });
    for (const key of "acegi") await put(key);
    const pages = store.scan({ ...ALL, reverse, pageSize: 2 });
    const first = await pages.next();
    await put(reverse ? "f" : "d");
    const rest = async () => {
      const keys = keysOf(first.value === undefined ? [] : [first.value]);
      for await (const page of pages) keys.push(...keysOf([page]));
      return keys.join("");
    };
    return { engine, timer, rest, pages };
  }

  test.each([false, true])("in time sees one moment (reverse: %s)", async (reverse) => {
    const { engine, timer, rest } = await pausedScan(reverse);
    expect([engine.openViews, timer.waiting]).toEqual([1, 1]);
    expect(await rest()).toBe(reverse ? "igeca" : "acegi");
    expect([engine.openViews, timer.waiting]).toEqual([0, 0]);
  });

  test.each([false, true])("for long goes on from a new view (reverse: %s)", async (reverse) => {
    const { engine, timer, rest } = await pausedScan(reverse);
    timer.ring();
    await new Promise((resolve) => setImmediate(resolve));
    expect(engine.openViews).toBe(0);
    expect(await rest()).toBe(reverse ? "igfeca" : "acdegi");
    expect(engine.openViews).toBe(0);
  });

  test("and leaves frees the view and the timer", async () => {
    const { engine, timer, pages } = await pausedScan(false);
    await pages.return();
    expect([engine.openViews, timer.waiting]).toEqual([0, 0]);
  });
});
