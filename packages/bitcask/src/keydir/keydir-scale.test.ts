import { describe, expect, test, vi } from "vitest";
import { SeededRandom } from "../testing/seeded-random.js";
import { Keydir } from "./keydir.js";
import { createLocation, type Location } from "./location.js";

/** `TITAN_SEED` or a fresh one, printed so that a failure can be replayed. */
const seed = Number(process.env["TITAN_SEED"] ?? Date.now() % 2 ** 31);
process.stdout.write(`TITAN_SEED=${seed}\n`);

// A crowded machine may take long; what is tested is not time.
vi.setConfig({ testTimeout: 120_000 });

function locationOf(sequence: number): Location {
  return { ...createLocation(), fileId: sequence % 7, position: sequence * 100, sequence };
}

function keysOf(keydir: Keydir, reverse = false): string[] {
  const keys: string[] = [];
  const cursor = keydir.cursor({ reverse });
  while (cursor.next()) keys.push(Buffer.from(cursor.key()).toString("latin1"));
  return keys;
}

/** Distinct keys in no order. */
function shuffledKeys(count: number, prefix: string): string[] {
  const random = new SeededRandom(seed);
  const keys = Array.from({ length: count }, (_, i) => prefix + i.toString(36).padStart(6, "0"));
  for (let i = count - 1; i > 0; i--) {
    const j = random.nextInt(i + 1);
    [keys[i], keys[j]] = [keys[j] as string, keys[i] as string];
  }
  return keys;
}

describe("a keydir of many leaves", () => {
  test.each([
    ["short keys", ""],
    ["keys with a long shared prefix", "tenant/0001/object/"],
  ])("stays in order and complete through inserts, deletes and reinserts: %s", (_, prefix) => {
    const keydir = new Keydir({ random: new SeededRandom(seed) });
    const keys = shuffledKeys(60_000, prefix);
    const live = new Map<string, Location>();
    let sequence = 0;
    const set = (key: string): void => {
      const location = locationOf(++sequence);
      live.set(key, location);
      keydir.set(key, location);
    };
    const check = (): void => {
      const expected = [...live.keys()].sort();
      expect(keydir.size).toBe(live.size);
      expect(keysOf(keydir)).toEqual(expected);
      expect(keysOf(keydir, true)).toEqual(expected.reverse());
      const out = createLocation();
      const wrong: string[] = [];
      for (const [key, location] of live) {
        if (!keydir.get(key, out) || out.position !== location.position) wrong.push(key);
      }
      expect(wrong).toEqual([]);
    };
    for (const key of keys) set(key);
    check();
    for (const key of keys.slice(0, 55_000)) {
      expect(keydir.delete(key, ++sequence)).toBe("location");
      live.delete(key);
    }
    check();
    for (const key of keys.slice(10_000, 50_000)) set(key);
    check();
    for (const key of keys) {
      keydir.delete(key, ++sequence);
      live.delete(key);
    }
    check();
  });

  test("takes the same room again when the same number of keys comes, goes and comes back", () => {
    const keydir = new Keydir({ random: new SeededRandom(seed) });
    let sequence = 0;
    let first = 0;
    for (let round = 0; round < 8; round++) {
      const keys = shuffledKeys(30_000, `${round}:`);
      for (const key of keys) keydir.set(key, locationOf(++sequence));
      if (round === 0) first = keydir.stats().bytes;
      for (const key of keys) keydir.delete(key, ++sequence);
    }
    expect(keydir.stats().bytes).toBeLessThanOrEqual(first * 1.3);
  });

  test("reuses the room of long keys, whatever their lengths", () => {
    const keydir = new Keydir({ random: new SeededRandom(seed) });
    const random = new SeededRandom(seed);
    const live = new Map<string, number>();
    let sequence = 0;
    let liveBytes = 0;
    for (let step = 0; step < 60_000; step++) {
      const number = random.nextInt(2000);
      const key = `${number}:`.padEnd(20 + ((number * 37) % 1000) + 100 * (step >>> 13), "abcdefg");
      if (random.nextInt(2) === 0) {
        if (keydir.delete(key, ++sequence) === "location") liveBytes -= key.length;
        live.delete(key);
      } else {
        if (keydir.set(key, locationOf(++sequence)) === "none") liveBytes += key.length;
        live.set(key, sequence);
      }
    }
    const out = createLocation();
    for (const [key, at] of live) expect(keydir.get(key, out) && out.sequence).toBe(at);
    expect(keysOf(keydir)).toEqual([...live.keys()].sort());
    // Half as much again as the live keys, and the fixed first allocations of all tables.
    expect(keydir.stats().bytes).toBeLessThan(1.6 * liveBytes + 8 * 1024 * 1024);
  });

  test("fills leaves when keys come in ascending order", () => {
    const keydir = new Keydir({ random: new SeededRandom(seed) });
    const count = 100_000;
    const keys = Array.from({ length: count }, (_, i) => i.toString().padStart(8, "0"));
    for (const [i, key] of keys.entries()) keydir.set(key, locationOf(i + 1));
    expect(keysOf(keydir)).toEqual(keys);
    expect(keydir.stats().bytes / count).toBeLessThan(75);
  });

  test("a cursor keeps its view while its leaves are divided, swept and joined", () => {
    const keydir = new Keydir({ random: new SeededRandom(seed) });
    const keys = shuffledKeys(20_000, "");
    let sequence = 0;
    for (const key of keys.slice(0, 10_000)) keydir.set(key, locationOf(++sequence));
    const expected = keys.slice(0, 10_000).sort();
    const cursor = keydir.cursor();
    const seen: string[] = [];
    let next = 0;
    while (cursor.next()) {
      seen.push(Buffer.from(cursor.key()).toString("latin1"));
      for (let i = 0; i < 3; i++) {
        const key = keys[next++ % keys.length] as string;
        if (next % 3 === 0) keydir.set(key, locationOf(++sequence));
        else keydir.delete(key, ++sequence);
      }
    }
    expect(seen).toEqual(expected);
  });
});

describe("a bulk load", () => {
  /** Random files of puts and deletions with one newest version each. */
  function randomFiles(sorted: boolean): { key: string; location: Location; gone: boolean }[][] {
    const random = new SeededRandom(seed);
    let sequence = 0;
    const files = Array.from({ length: 6 }, (_, fileId) => {
      const entries = Array.from({ length: 5000 + random.nextInt(5000) }, () => {
        const location = { ...locationOf(++sequence), fileId };
        const key = `k${random.nextInt(20_000).toString(36)}`.padEnd(random.nextInt(24), "_");
        return { key, location, gone: random.nextInt(5) === 0 };
      });
      return sorted ? entries.sort((a, b) => (a.key < b.key ? -1 : 1)) : entries;
    });
    return random.nextInt(2) === 0 ? files : files.reverse();
  }

  test.each([true, false])(
    "keeps the newest of each key, and its order; sorted files: %s",
    (sorted) => {
      const keydir = new Keydir({ random: new SeededRandom(seed) });
      let dead = 0;
      const loader = keydir.load(() => dead++);
      loader.expect(10_000);
      const newest = new Map<string, { location: Location; gone: boolean }>();
      let puts = 0;
      for (const file of randomFiles(sorted)) {
        for (const { key, location, gone } of file) {
          const slice = { bytes: Buffer.from(`<${key}>`), start: 1, length: key.length };
          if (gone) loader.addTombstone(slice, location);
          else loader.add(slice, location);
          if (!gone) puts++;
          const before = newest.get(key);
          if (before === undefined || before.location.sequence < location.sequence) {
            newest.set(key, { location, gone });
          }
        }
      }
      expect(() => keydir.snapshot()).toThrow(RangeError);
      loader.finish();
      const live = [...newest].filter(([, { gone }]) => !gone);
      expect(keydir.size).toBe(live.length);
      expect(dead).toBe(puts - live.length);
      expect(keysOf(keydir)).toEqual(live.map(([key]) => key).sort());
      const out = createLocation();
      for (const [key, { location, gone }] of newest) {
        expect(keydir.get(key, out)).toBe(!gone);
        if (!gone) expect({ ...out, record: 0 }).toEqual({ ...location, record: 0 });
      }
      // And goes on as a keydir like any other.
      let sequence = 1_000_000;
      for (const key of shuffledKeys(20_000, "after/")) keydir.set(key, locationOf(++sequence));
      expect(keydir.size).toBe(live.length + 20_000);
      expect(keysOf(keydir).length).toBe(keydir.size);
    },
  );
});
