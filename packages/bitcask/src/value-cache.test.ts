import { expect, test } from "vitest";
import { SeededRandom } from "./testing/index.js";
import { ValueCache } from "./value-cache.js";

const VALUE = new Uint8Array(100);
/** What one such value takes. */
const EACH = 228;

/** Reads as the store does. @returns whether it was there */
function read(cache: ValueCache, sequence: number, value = VALUE): boolean {
  if (cache.get(sequence) !== undefined) return true;
  cache.add(sequence, value);
  return false;
}

test("a value comes back, as a copy, until it is pushed out; the bound holds", () => {
  const cache = new ValueCache(100 * EACH);
  const value = Uint8Array.of(1, 2, 3);
  cache.add(7, value);
  value[0] = 9;
  expect(cache.get(7)).toEqual(Uint8Array.of(1, 2, 3));
  for (let sequence = 100; sequence < 10_000; sequence++) {
    read(cache, sequence);
    expect(cache.bytes).toBeLessThanOrEqual(100 * EACH);
  }
  expect(cache.get(100)).toBeUndefined();
  expect(cache.bytes).toBeGreaterThan(90 * EACH);
});

test("what is read again and again survives a scan of many times the cache", () => {
  const cache = new ValueCache(1000 * EACH);
  const hot = Array.from({ length: 500 }, (_, index) => index);
  for (let round = 0; round < 3; round++) for (const sequence of hot) read(cache, sequence);
  for (let sequence = 10_000; sequence < 60_000; sequence++) read(cache, sequence);
  const kept = hot.filter((sequence) => cache.get(sequence) !== undefined);
  expect(kept.length).toBeGreaterThan(400);
});

test("what comes back soon after it was pushed out unread stays for longer", () => {
  const cache = new ValueCache(100 * EACH);
  for (let sequence = 0; sequence < 150; sequence++) read(cache, sequence);
  expect(read(cache, 30)).toBe(false);
  for (let sequence = 1000; sequence < 1080; sequence++) read(cache, sequence);
  expect(read(cache, 30)).toBe(true);
});

test("too large a value, and any with a bound of 0, is not kept", () => {
  const cache = new ValueCache(16 * EACH);
  expect(read(cache, 1, new Uint8Array(101))).toBe(false);
  expect(read(cache, 1, new Uint8Array(101))).toBe(false);
  const none = new ValueCache(0);
  none.add(1, VALUE);
  expect(none.get(1)).toBeUndefined();
});

test("any mix of sizes and numbers gives only right values within the bound", () => {
  const random = new SeededRandom(11);
  const cache = new ValueCache(20_000);
  for (let step = 0; step < 50_000; step++) {
    const sequence = random.nextInt(random.nextInt(2) === 0 ? 50 : 5000);
    const found = cache.get(sequence);
    const size = (sequence * 37) % 900;
    if (found === undefined) cache.add(sequence, new Uint8Array(size).fill(sequence));
    else expect([found.length, found[0]]).toEqual([size, size === 0 ? undefined : sequence & 255]);
    expect(cache.bytes).toBeLessThanOrEqual(20_000);
  }
  expect(cache.hits).toBeGreaterThan(10_000);
});
