import { expect, test } from "vitest";
import { ReadSlab } from "./read-slab.js";
import { SeededRandom } from "./testing/index.js";
import { ValueCache } from "./value-cache.js";

const VALUE = new Uint8Array(100);
/** What one such value takes: the entry, rounded up to whole pairs of words. */
const EACH = 120;
const slab = new ReadSlab();

function get(cache: ValueCache, record: number, sequence = record): Uint8Array | undefined {
  const address = cache.find(record, sequence);
  return address === 0 ? undefined : cache.read(address, slab);
}

/** Reads as the store does. @returns whether it was there */
function read(cache: ValueCache, record: number, value = VALUE): boolean {
  if (cache.find(record, record) !== 0) return true;
  cache.add(record, record, value);
  return false;
}

test("a value comes back, as a copy, until it is pushed out; the bound holds", () => {
  const cache = new ValueCache(100 * EACH);
  const value = Uint8Array.of(1, 2, 3);
  cache.add(7, 7, value);
  value[0] = 9;
  get(cache, 7)?.fill(0);
  expect(get(cache, 7)).toEqual(Uint8Array.of(1, 2, 3));
  for (let record = 100; record < 10_000; record++) {
    read(cache, record);
    expect(cache.bytes).toBeLessThanOrEqual(100 * EACH);
  }
  expect(get(cache, 100)).toBeUndefined();
  expect(cache.bytes).toBeGreaterThan(80 * EACH);
});

test("what is read again and again survives a scan of many times the cache", () => {
  const cache = new ValueCache(1000 * EACH);
  const hot = Array.from({ length: 500 }, (_, index) => index + 1);
  for (let round = 0; round < 3; round++) for (const record of hot) read(cache, record);
  for (let record = 10_000; record < 60_000; record++) read(cache, record);
  const kept = hot.filter((record) => get(cache, record) !== undefined);
  expect(kept.length).toBeGreaterThan(400);
});

test("what comes back soon after it was pushed out unread stays for longer", () => {
  const cache = new ValueCache(10_000 * EACH);
  for (let record = 1; record <= 15_000; record++) read(cache, record);
  // A ghost may be forgotten when another falls on its place: many are tried.
  const back = Array.from({ length: 500 }, (_, index) => 3000 + index);
  for (const record of back) expect(read(cache, record)).toBe(false);
  for (let record = 50_000; record < 58_000; record++) read(cache, record);
  const kept = back.filter((record) => get(cache, record) !== undefined);
  expect(kept.length).toBeGreaterThan(250);
});

test("another version of the record is not taken for the one that is kept", () => {
  const cache = new ValueCache(100 * EACH);
  cache.add(5, 20, Uint8Array.of(1));
  expect(get(cache, 5, 21)).toBeUndefined();
  cache.add(5, 21, Uint8Array.of(2));
  expect(get(cache, 5, 20)).toBeUndefined();
  expect(get(cache, 5, 21)).toEqual(Uint8Array.of(2));
});

test("a newer value of the same size takes the place of a kept one; any other is left to a read", () => {
  const cache = new ValueCache(100 * EACH);
  cache.replace(5, 20, Uint8Array.of(1));
  expect(get(cache, 5, 20)).toBeUndefined();
  cache.add(5, 20, Uint8Array.of(1));
  cache.replace(5, 21, Uint8Array.of(2));
  expect(get(cache, 5, 20)).toBeUndefined();
  expect(get(cache, 5, 21)).toEqual(Uint8Array.of(2));
  cache.replace(5, 22, Uint8Array.of(3, 4));
  expect(get(cache, 5, 22)).toBeUndefined();
});

test("a scan fills free room and pushes out nothing", () => {
  const cache = new ValueCache(1000 * EACH);
  for (let record = 1; record <= 100; record++) cache.addToFreeRoom(record, record, VALUE);
  expect(get(cache, 100)).toEqual(VALUE);
  for (let record = 101; record <= 5000; record++) cache.addToFreeRoom(record, record, VALUE);
  expect(get(cache, 100)).toEqual(VALUE);
  expect(get(cache, 5000)).toBeUndefined();
});

test("too large a value, and any with hardly a bound, is not kept", () => {
  const cache = new ValueCache(16 * 1024);
  expect(read(cache, 1, new Uint8Array(1009))).toBe(false);
  expect(read(cache, 1, new Uint8Array(1008))).toBe(false);
  expect(read(cache, 1)).toBe(true);
  const none = new ValueCache(100);
  none.add(1, 1, new Uint8Array(1));
  expect(get(none, 1)).toBeUndefined();
});

test.each([20_000, 200_000])("any mix of sizes, versions and numbers within %i bytes", (bound) => {
  const random = new SeededRandom(bound);
  const cache = new ValueCache(bound);
  const versions = new Map<number, number>();
  for (let step = 1; step <= 60_000; step++) {
    const record = 1 + random.nextInt(random.nextInt(2) === 0 ? 50 : 5000);
    const sequence = versions.get(record) ?? 0;
    const size = (record * 37 + (record % 3) * sequence) % 900;
    const value = new Uint8Array(size).fill(sequence + record);
    if (random.nextInt(10) === 0) {
      versions.set(record, step);
      const next = (record * 37 + (record % 3) * step) % 900;
      cache.replace(record, step, new Uint8Array(next).fill(step + record));
      continue;
    }
    const found = get(cache, record, sequence);
    if (found === undefined) cache.add(record, sequence, value);
    else expect(Buffer.compare(found, value)).toBe(0);
    expect(cache.bytes).toBeLessThanOrEqual(bound);
  }
  expect(cache.hits).toBeGreaterThan(10_000);
});
