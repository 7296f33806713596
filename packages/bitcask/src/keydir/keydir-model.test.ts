import { describe, expect, test, vi } from "vitest";
import { isBitcaskError } from "../errors.js";
import { SeededRandom } from "../testing/seeded-random.js";
import { Keydir } from "./keydir.js";
import { createLocation, type Location } from "./location.js";
import type { KeydirSnapshot } from "./snapshot-registry.js";

// A crowded machine may take long; what is tested is not time.
vi.setConfig({ testTimeout: 120_000 });

/** The obvious twin: a map of copies, and a copy of the map for each snapshot. */
type Model = Map<string, Location>;
interface View {
  readonly snapshot: KeydirSnapshot;
  readonly model: Model;
}

const toKey = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const toBytes = (key: string): Uint8Array => Buffer.from(key, "latin1");
const byBytes = (a: string, b: string): number => Buffer.compare(toBytes(a), toBytes(b));

/** Keys that share prefixes, end in zero bytes, are empty, high-bit, or too long for a record. */
function randomKey(random: SeededRandom, spread: number): string {
  const stem =
    ["", "user:0000:profile:", "\xff\xff", "a\0\0", "k".repeat(40)][random.nextInt(5)] ?? "";
  const number = random.nextInt(spread);
  const tail = random.nextInt(3) === 0 ? "\0".repeat(random.nextInt(4)) : "";
  const long = number % 97 === 0 ? "x".repeat(1 + (number % 5) * 400) : "";
  return stem + number.toString(36).padStart(number % 7, "0") + long + tail;
}

function randomLocation(random: SeededRandom, sequence: number): Location {
  return {
    ...createLocation(),
    fileId: random.nextInt(2) === 0 ? random.nextInt(5) : random.nextInt(2 ** 32),
    position: random.nextInt(2 ** 32) * 2 ** random.nextInt(17),
    size: random.nextInt(2 ** 32),
    sequence,
    expiresAt: random.nextInt(3) === 0 ? 1 + random.nextInt(2 ** 32) * 1000 : 0,
    flags: random.nextInt(64),
  };
}

class Run {
  readonly random: SeededRandom;
  readonly keydir: Keydir;
  readonly model: Model = new Map();
  readonly views: View[] = [];
  readonly out = createLocation();
  sequence = 0;
  readonly spread: number;

  constructor(seed: number, options: { ordered: boolean; spread: number; maxVersions?: number }) {
    this.random = new SeededRandom(seed);
    this.spread = options.spread;
    const { ordered, maxVersions = 1_000_000 } = options;
    this.keydir = new Keydir({ random: this.random }, { ordered, maxVersions });
  }

  /** A key that is there, most of the time. */
  pick(): string {
    return randomKey(this.random, this.spread);
  }

  /** Strings and bytes must mean the same; ASCII strings have a path of their own. */
  asKey(key: string): string | Uint8Array {
    // eslint-disable-next-line no-control-regex
    return this.random.nextInt(2) === 0 && /^[\0-\x7f]*$/.test(key) ? key : toBytes(key);
  }

  set(): void {
    const key = this.pick();
    this.sequence += 1 + this.random.nextInt(2) * 2 * this.random.nextInt(2 ** 32);
    const location = randomLocation(this.random, this.sequence);
    const was = this.keydir.set(this.asKey(key), location, this.out);
    const old = this.model.get(key);
    expect(was).toBe(old === undefined ? "none" : "location");
    if (old !== undefined) expect({ ...this.out, record: 0 }).toEqual({ ...old, record: 0 });
    this.model.set(key, location);
  }

  delete(): void {
    const key = this.pick();
    this.sequence++;
    const was = this.keydir.delete(this.asKey(key), this.sequence, this.out);
    const old = this.model.get(key);
    expect(was).toBe(old === undefined ? "none" : "location");
    if (old !== undefined) expect({ ...this.out, record: 0 }).toEqual({ ...old, record: 0 });
    this.model.delete(key);
  }

  get(): void {
    const key = this.pick();
    const view = this.views[this.random.nextInt(this.views.length + 1)];
    const model = view?.model ?? this.model;
    const found = this.keydir.get(this.asKey(key), this.out, view?.snapshot);
    expect(found).toBe(model.has(key));
    if (found) expect({ ...this.out, record: 0 }).toEqual({ ...model.get(key), record: 0 });
    expect(this.keydir.has(key === "" ? "" : toBytes(key))).toBe(this.model.has(key));
  }

  /** A merge takes out a key that has expired; open views go on seeing it. */
  forget(): void {
    const key = this.pick();
    const location = this.model.get(key);
    if (location === undefined) return;
    const elsewhere = { fileId: location.fileId, position: location.position + 1 };
    expect(this.keydir.forget(this.asKey(key), elsewhere, this.out)).toBe(false);
    expect(this.keydir.forget(this.asKey(key), location, this.out)).toBe(true);
    expect({ ...this.out, record: 0 }).toEqual({ ...location, record: 0 });
    this.model.delete(key);
    // Views opened before the next write may still see the key: there are none.
    this.set();
  }

  /** A merge moves a version: of the present, or one that only a snapshot sees. */
  relocate(): void {
    const key = this.pick();
    const view = this.views[this.random.nextInt(this.views.length + 1)];
    const from = (view?.model ?? this.model).get(key);
    if (from === undefined) return;
    const to = {
      fileId: this.random.nextInt(2 ** 32),
      position: this.random.nextInt(2 ** 32),
      size: this.random.nextInt(2 ** 32),
    };
    expect(this.keydir.relocate(this.asKey(key), { fileId: 1, position: 0.5 }, to)).toBe(false);
    expect(this.keydir.relocate(this.asKey(key), from, to)).toBe(true);
    for (const model of [this.model, ...this.views.map((other) => other.model)]) {
      const location = model.get(key);
      if (location?.sequence === from.sequence) model.set(key, { ...location, ...to });
    }
  }

  openView(): void {
    if (this.views.length >= 5 || this.sequence === 0) return;
    this.views.push({ snapshot: this.keydir.snapshot(), model: new Map(this.model) });
  }

  closeView(): void {
    if (this.views.length === 0) return;
    const [view] = this.views.splice(this.random.nextInt(this.views.length), 1);
    view?.snapshot.release();
  }

  /** Walks a random range, with writes between the steps, and compares with the twin's copy. */
  scan(): void {
    const { random } = this;
    const view = this.views[random.nextInt(this.views.length + 1)];
    const model = new Map(view?.model ?? this.model);
    const bound = (): string | undefined => (random.nextInt(3) === 0 ? this.pick() : undefined);
    const [gt, gte, lt, lte] = [bound(), bound(), bound(), bound()];
    const prefix = random.nextInt(3) === 0 ? this.pick().slice(0, random.nextInt(20)) : undefined;
    const reverse = random.nextInt(2) === 0;
    const limit = random.nextInt(2) === 0 ? random.nextInt(50) : Number.POSITIVE_INFINITY;
    let expected = [...model.keys()]
      .sort(byBytes)
      .filter(
        (key) =>
          (gt === undefined || byBytes(key, gt) > 0) &&
          (gte === undefined || byBytes(key, gte) >= 0) &&
          (lt === undefined || byBytes(key, lt) < 0) &&
          (lte === undefined || byBytes(key, lte) <= 0) &&
          (prefix === undefined || key.startsWith(prefix)),
      );
    if (reverse) expected.reverse();
    const cursor = this.keydir.cursor({
      ...(gt === undefined ? {} : { gt: toBytes(gt) }),
      ...(gte === undefined ? {} : { gte: toBytes(gte) }),
      ...(lt === undefined ? {} : { lt: toBytes(lt) }),
      ...(lte === undefined ? {} : { lte: toBytes(lte) }),
      ...(prefix === undefined ? {} : { prefix: toBytes(prefix) }),
      ...(view === undefined ? {} : { snapshot: view.snapshot }),
      reverse,
      limit,
    });
    if (random.nextInt(3) === 0) {
      const target = this.pick();
      cursor.seek(toBytes(target));
      expected = expected.filter((key) => byBytes(key, target) * (reverse ? -1 : 1) >= 0);
    }
    expected = expected.slice(0, limit);
    const seen: string[] = [];
    while (cursor.next()) {
      const key = toKey(cursor.key());
      seen.push(key);
      if (random.nextInt(8) === 0) this.write();
      cursor.location(this.out);
      expect({ ...this.out, record: 0 }).toEqual({ ...model.get(key), record: 0 });
    }
    expect(seen).toEqual(expected);
  }

  write(): void {
    if (this.random.nextInt(3) === 0) this.delete();
    else this.set();
  }

  step(): void {
    const dice = this.random.nextInt(100);
    if (dice < 45) this.set();
    else if (dice < 65) this.delete();
    else if (dice < 85) this.get();
    else if (dice < 88) this.relocate();
    else if (dice < 90) this.forget();
    else if (dice < 93) this.openView();
    else if (dice < 96) this.closeView();
    else if (dice < 97) this.keydir.trim(this.random.nextInt(20));
    else if (this.random.nextInt(10) === 0) this.scan();
    expect(this.keydir.size).toBe(this.model.size);
  }
}

describe("the keydir behaves like a sorted map with copies for snapshots", () => {
  /** `TITAN_SEED` or a fresh one, printed so that a failure can be replayed. */
  const seed = Number(process.env["TITAN_SEED"] ?? Date.now() % 2 ** 31);
  process.stdout.write(`TITAN_SEED=${seed}\n`);

  test.each([20, 300, 5000])("with keys from %i numbers", (spread) => {
    for (let round = 0; round < 6; round++) {
      const run = new Run(seed + round, { ordered: true, spread });
      for (let step = 0; step < 4000; step++) run.step();
      for (let scan = 0; scan < 5; scan++) run.scan();
    }
  });

  test("and gives all old versions back once snapshots are released", () => {
    const run = new Run(seed, { ordered: true, spread: 500 });
    for (let step = 0; step < 10_000; step++) run.step();
    while (run.views.length > 0) run.closeView();
    while (run.keydir.trim(100));
    expect(run.keydir.stats().keptVersions).toBe(0);
    expect(run.keydir.size).toBe(run.model.size);
    run.scan();
  });

  test("and gives up the oldest snapshots when too many versions are kept", () => {
    const maxVersions = 50;
    const run = new Run(seed, { ordered: true, spread: 500, maxVersions });
    for (let step = 0; step < 500; step++) run.set();
    const old = run.keydir.snapshot();
    for (let step = 0; step < 2000; step++) {
      run.write();
      expect(run.keydir.stats().keptVersions).toBeLessThanOrEqual(maxVersions);
    }
    expect(old.isOpen).toBe(false);
    let caught: unknown;
    try {
      run.keydir.get("a", run.out, old);
    } catch (error) {
      caught = error;
    }
    expect(isBitcaskError(caught) && caught.code).toBe("BITCASK_SNAPSHOT_GONE");
    run.scan();
  });
});
