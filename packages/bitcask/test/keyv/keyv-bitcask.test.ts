/** What Keyv's suite cannot know of: directories, durability, expiry by the store, atomic setMany. */
import { Keyv } from "keyv";
import { expect, test } from "vitest";
import { Bitcask, type BitcaskOptions } from "../../src/index.js";
import { KeyvBitcask } from "../../src/keyv/index.js";
import { FakeMachine, ManualClock, MemoryFileSystem } from "../../src/testing/index.js";

const DIRECTORY = "/data/keyv";

class Bench {
  readonly clock = new ManualClock(Date.now());
  readonly fileSystem = new MemoryFileSystem({ clock: this.clock });
  private readonly machine = new FakeMachine();
  private pid = 1;

  /** Options of a store in a process of its own. */
  options(options: BitcaskOptions = {}): BitcaskOptions {
    const processes = this.machine.start(this.pid++);
    const { fileSystem, clock } = this;
    return { ...options, ports: { fileSystem, clock, processes } };
  }

  adapter(options?: BitcaskOptions): KeyvBitcask {
    return new KeyvBitcask(DIRECTORY, this.options(options));
  }
}

test("an adapter of a directory opens it at the first use and keeps entries across a reopen", async () => {
  const bench = new Bench();
  const first = new Keyv({ store: bench.adapter(), namespace: "users" });
  expect(bench.fileSystem.paths()).toEqual([]);
  await first.set("ada", { born: 1815 });
  await first.disconnect();
  expect(bench.fileSystem.openHandleCount).toBe(0);

  const second = new Keyv({ store: bench.adapter(), namespace: "users" });
  expect(await second.get("ada")).toEqual({ born: 1815 });
});

test("an adapter of an open store leaves the store open when it disconnects", async () => {
  const bench = new Bench();
  const store = await Bitcask.open(DIRECTORY, bench.options());
  const adapter = new KeyvBitcask(store);
  await adapter.set("a", "1");
  await adapter.disconnect();
  await adapter.disconnect();
  await expect(adapter.get("a")).rejects.toMatchObject({ code: "BITCASK_CLOSED" });
  expect(store.has("a")).toBe(true);
});

test("namespaces share a store and are cleared and iterated each on its own", async () => {
  const bench = new Bench();
  const store = await Bitcask.open(DIRECTORY, bench.options());
  const open = (namespace: string) => new Keyv({ store: new KeyvBitcask(store), namespace });
  const [a, ab, b] = [open("a"), open("ab"), open("b")];
  await a.set("k", 1);
  await ab.set("k", 2);
  await b.set("k", 3);

  const entries: unknown[] = [];
  for await (const entry of a.iterator?.(undefined) ?? []) entries.push(entry);
  expect(entries).toEqual([["k", 1]]);
  await a.clear();
  expect([await a.get("k"), await ab.get("k"), await b.get("k")]).toEqual([undefined, 2, 3]);
  await new KeyvBitcask(store).clear();
  expect(store.stats().keys).toBe(0);
});

test("a ttl is the store's expiry: fractions round up, none and Infinity last, zero and less remove", async () => {
  const bench = new Bench();
  const store = await Bitcask.open(DIRECTORY, bench.options());
  const adapter = new KeyvBitcask(store);
  const start = bench.clock.wallMs();
  await adapter.set("short", "1", 99.5);
  await adapter.setMany([
    { key: "many", value: "2", ttl: 200 },
    { key: "last", value: "3", ttl: Number.POSITIVE_INFINITY },
    { key: "none", value: "4" },
  ]);
  await adapter.set("gone", "5");
  await adapter.set("gone", "5", -1);
  expect(store.getEntrySync("short")?.expiresAtMs).toBe(start + 100);
  expect(await adapter.hasMany(["short", "many", "last", "none", "gone"])).toEqual([
    true,
    true,
    true,
    true,
    false,
  ]);
  bench.clock.advance(100);
  expect(await adapter.getMany(["short", "many"])).toEqual([undefined, "2"]);
  bench.clock.advance(100);
  expect(await adapter.has("many")).toBe(false);
});

test("setMany sets all or none", async () => {
  const adapter = new Bench().adapter({ maxValueBytes: 4 });
  const entries = [
    { key: "a", value: "1" },
    { key: "b", value: "too large" },
  ];
  await expect(adapter.setMany(entries)).rejects.toMatchObject({ code: "BITCASK_VALUE_TOO_LARGE" });
  expect(await adapter.hasMany(["a", "b"])).toEqual([false, false]);
});

test("deleteMany tells whether any key was there", async () => {
  const adapter = new Bench().adapter();
  await adapter.set("a", "1");
  expect(await adapter.deleteMany(["a", "b"])).toBe(true);
  expect(await adapter.deleteMany(["a", "b"])).toBe(false);
});

test("values that are no strings, and ttls that are no numbers, are refused", async () => {
  const adapter = new Bench().adapter();
  await expect(adapter.set("a", { no: "string" })).rejects.toBeInstanceOf(TypeError);
  await expect(adapter.set("a", "1", Number.NaN)).rejects.toBeInstanceOf(TypeError);
  await expect(adapter.set("a", "1", "5" as unknown as number)).rejects.toBeInstanceOf(TypeError);
  expect(await adapter.has("a")).toBe(false);
  expect(() => new KeyvBitcask("")).toThrow(TypeError);
  expect(() => new KeyvBitcask({} as Bitcask)).toThrow(TypeError);
});

test("a failed read reaches Keyv's error listeners, which would else see a missing key", async () => {
  const bench = new Bench();
  const adapter = bench.adapter();
  const keyv = new Keyv({ store: adapter });
  const errors: unknown[] = [];
  keyv.on("error", (error: unknown) => errors.push(error));
  await keyv.set("a", 1);
  bench.fileSystem.faults.add({ kind: "read", fault: { type: "error", code: "EIO" } });
  expect(await keyv.get("a")).toBeUndefined();
  expect(errors).toEqual([expect.objectContaining({ code: "BITCASK_READ_FAILED" })]);
  expect(await keyv.get("a")).toBe(1);
});

test("a directory that is locked is tried again by the next call", async () => {
  const bench = new Bench();
  const holder = await Bitcask.open(DIRECTORY, bench.options());
  const adapter = bench.adapter();
  await expect(adapter.has("a")).rejects.toMatchObject({ code: "BITCASK_LOCKED" });
  await holder.close();
  expect(await adapter.has("a")).toBe(false);
});
