import { describe, expect, test } from "vitest";
import { SeededRandom } from "../testing/seeded-random.js";
import { EngineKeydir } from "./engine-keydir.js";
import { createLocation, type Location } from "./location.js";

/** `TITAN_SEED` or a fresh one, printed so that a failure can be replayed. */
const seed = Number(process.env["TITAN_SEED"] ?? Date.now() % 2 ** 31);
process.stdout.write(`TITAN_SEED=${seed}\n`);

describe("the keydir behind the engine's interface", () => {
  test("says whether a key was there, and walks a frozen range both ways", () => {
    const random = new SeededRandom(seed);
    const keydir = new EngineKeydir({ random });
    const live = new Map<string, Location>();
    const displaced = createLocation();
    let sequence = 0;
    const write = (): void => {
      const key = `k${random.nextInt(500)}`;
      sequence++;
      const before = live.get(key);
      if (random.nextInt(3) === 0) {
        expect(keydir.delete(Buffer.from(key), displaced, sequence)).toBe(live.delete(key));
      } else {
        const location = { ...createLocation(), position: sequence * 10, sequence };
        expect(keydir.set(Buffer.from(key), location, displaced)).toBe(before !== undefined);
        live.set(key, location);
      }
      if (before !== undefined) expect(displaced).toEqual(before);
      expect(keydir.size).toBe(live.size);
    };
    for (let step = 0; step < 2000; step++) write();
    for (let round = 0; round < 40; round++) {
      const lower = { key: `k${random.nextInt(500)}`, isInclusive: random.nextInt(2) === 0 };
      const upper = { key: `k${random.nextInt(500)}`, isInclusive: random.nextInt(2) === 0 };
      const isReverse = random.nextInt(2) === 0;
      const expected = [...live].filter(
        ([key]) =>
          (key > lower.key || (lower.isInclusive && key === lower.key)) &&
          (key < upper.key || (upper.isInclusive && key === upper.key)),
      );
      expected.sort(([a], [b]) => (a < b ? -1 : 1));
      if (isReverse) expected.reverse();
      const walk = keydir.snapshot({
        lower: { ...lower, key: Buffer.from(lower.key) },
        upper: { ...upper, key: Buffer.from(upper.key) },
        isReverse,
      });
      const seen: [string, Location][] = [];
      const out = createLocation();
      for (let key = walk.next(out); key !== undefined; key = walk.next(out)) {
        seen.push([Buffer.from(key).toString(), { ...out }]);
        write();
      }
      walk.release();
      walk.release();
      expect(seen).toEqual(expected);
    }
    expect(keydir.inner.stats().openSnapshots).toBe(0);
  });

  test("a deletion of nothing uses up no sequence number", () => {
    const keydir = new EngineKeydir({ random: new SeededRandom(1) });
    keydir.set(Buffer.from("a"), { ...createLocation(), sequence: 7 }, createLocation());
    expect(keydir.delete(Buffer.from("b"), createLocation())).toBe(false);
    expect(keydir.inner.highestSequence).toBe(7);
    expect(keydir.delete(Buffer.from("a"), createLocation())).toBe(true);
    expect(keydir.inner.highestSequence).toBe(8);
  });
});
