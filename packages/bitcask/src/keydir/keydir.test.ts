import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { isBitcaskError } from "../errors.js";
import { SeededRandom } from "../testing/seeded-random.js";
import { Keydir } from "./keydir.js";
import { createLocation, type Location } from "./location.js";

function createKeydir(options = {}): Keydir {
  return new Keydir({ random: new SeededRandom(1) }, options);
}

function at(sequence: number, fields: Partial<Location> = {}): Location {
  return { ...createLocation(), sequence, ...fields };
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isBitcaskError(error)) return error.code;
    return error instanceof Error ? error.name : "not an error";
  }
  return "none";
}

describe("keys", () => {
  test("a string is its UTF-8 bytes, ASCII or not", () => {
    const keydir = createKeydir();
    const out = createLocation();
    for (const [i, key] of ["", "a", "schlüssel", "鍵🔑", "x".repeat(131_071)].entries()) {
      keydir.set(key, at(i + 1));
      expect(keydir.get(Buffer.from(key), out)).toBe(true);
      expect(out.sequence).toBe(i + 1);
    }
  });

  test("a key longer than 131,071 bytes, or with a lone surrogate, is refused and changes nothing", () => {
    const keydir = createKeydir();
    expect(() => keydir.set("x".repeat(131_072), at(1))).toThrow(RangeError);
    expect(() => keydir.set("ü".repeat(65_536), at(1))).toThrow(RangeError);
    expect(() => keydir.set(new Uint8Array(131_072), at(1))).toThrow(RangeError);
    expect(codeOf(() => keydir.set("\ud800", at(1)))).toBe("BITCASK_INVALID_STRING");
    expect(keydir.size).toBe(0);
  });

  test("keys that differ in trailing zero bytes only are different keys, shorter first", () => {
    const keydir = createKeydir();
    const keys = ["", "\0", "\0\0", "a", "a\0", "a\0\0\0\0", "b".repeat(16), `${"b".repeat(16)}\0`];
    for (const [i, key] of [...keys].reverse().entries()) keydir.set(key, at(i + 1));
    const seen: string[] = [];
    const cursor = keydir.cursor();
    while (cursor.next()) seen.push(Buffer.from(cursor.key()).toString("latin1"));
    expect(seen).toEqual(keys);
  });
});

describe("locations", () => {
  test("come back as they went in, at both ends of every field", () => {
    const keydir = createKeydir();
    const out = createLocation();
    const most = at(Number.MAX_SAFE_INTEGER, {
      fileId: 2 ** 32 - 1,
      position: 2 ** 48 - 1,
      size: 2 ** 32 - 1,
      expiresAt: Number.MAX_SAFE_INTEGER,
      flags: 63,
    });
    const least = at(1);
    keydir.set("least", least);
    keydir.set("most".repeat(100), most);
    expect(keydir.get("least", out) && out).toEqual(least);
    expect(keydir.get("most".repeat(100), out) && out).toEqual(most);
  });

  test.each([
    { fileId: 2 ** 32 },
    { position: 2 ** 48 },
    { size: -1 },
    { sequence: 2 ** 53 },
    { expiresAt: Number.NaN },
    { flags: 64 },
    { position: 0.5 },
  ])("are refused when a field does not fit: %o", (fields) => {
    const keydir = createKeydir();
    expect(() => keydir.set("a", at(1, fields))).toThrow(RangeError);
    expect(keydir.size).toBe(0);
  });

  test("lose their expiry when a write without one follows", () => {
    const keydir = createKeydir();
    const out = createLocation();
    keydir.set("a", at(1, { expiresAt: 5000 }));
    keydir.set("a", at(2));
    expect(keydir.get("a", out) && out.expiresAt).toBe(0);
  });
});

describe("sequence numbers", () => {
  test("may come in any order while no snapshot is open, and a snapshot sees them all", () => {
    const keydir = createKeydir();
    const out = createLocation();
    keydir.set("a", at(5));
    keydir.set("b", at(4));
    expect(keydir.highestSequence).toBe(5);
    const snapshot = keydir.snapshot();
    expect(keydir.get("b", out, snapshot) && out.sequence).toBe(4);
    expect(() => keydir.delete("a", Number.NaN)).toThrow(RangeError);
    expect(() => keydir.delete("a", 6.5)).toThrow(RangeError);
    expect(keydir.size).toBe(2);
  });

  test("must be above what an open snapshot has seen", () => {
    const keydir = createKeydir();
    keydir.set("a", at(5));
    const snapshot = keydir.snapshot();
    expect(() => keydir.set("a", at(5))).toThrow(RangeError);
    snapshot.release();
    keydir.set("a", at(5));
  });
});

describe("limits", () => {
  test("a keydir that has reached maxBytes has no room for fresh keys, keeps the old and frees by deletion", () => {
    const keydir = createKeydir({ maxBytes: 6 * 1024 * 1024 });
    let sequence = 0;
    const fill = (): void => {
      for (let i = 0; ; i++) {
        const key = `key ${i} ${"z".repeat(i % 90)}`;
        if (!keydir.hasRoomFor(1, key.length)) break;
        keydir.set(key, at(++sequence));
      }
    };
    fill();
    const full = keydir.size;
    expect(full).toBeGreaterThan(10_000);
    // Tables grow by up to 1.25 MiB at once.
    expect(keydir.stats().bytes).toBeLessThan(7.5 * 1024 * 1024);
    keydir.set("key 0 ", at(++sequence, { size: 7 }));
    const out = createLocation();
    expect(keydir.get("key 0 ", out) && out.size).toBe(7);
    expect(keydir.has(`key ${full} ${"z".repeat(full % 90)}`)).toBe(false);
    let rows = 0;
    for (const cursor = keydir.cursor(); cursor.next(); ) rows++;
    expect(rows).toBe(full);
    for (let i = 0; i < full; i++) {
      expect(keydir.delete(`key ${i} ${"z".repeat(i % 90)}`, ++sequence)).toBe("location");
    }
    expect(keydir.size).toBe(0);
    fill();
    expect(keydir.size).toBeGreaterThan(full * 0.9);
  });

  test("no more snapshots open than allowed, and closing one makes room", () => {
    const keydir = createKeydir({ maxSnapshots: 2 });
    const first = keydir.snapshot();
    const cursor = keydir.cursor();
    expect(codeOf(() => keydir.cursor())).toBe("BITCASK_TOO_MANY_SNAPSHOTS");
    cursor.close();
    keydir.snapshot().release();
    first.release();
    first.release();
    expect(keydir.stats().openSnapshots).toBe(0);
  });

  test("a snapshot that its owner has dropped is released by the collector", async () => {
    const keydir = createKeydir();
    keydir.set("a", at(1));
    (() => void keydir.snapshot())();
    expect(keydir.stats().openSnapshots).toBe(1);
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (let turn = 0; turn < 50 && keydir.stats().openSnapshots > 0; turn++) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(keydir.stats().openSnapshots).toBe(0);
    keydir.set("a", at(2));
    expect(keydir.stats().keptVersions).toBe(0);
  });

  test("a cursor that runs out lets its snapshot go; a bad bound leaves none behind", () => {
    const keydir = createKeydir();
    const cursor = keydir.cursor();
    expect(cursor.next()).toBe(false);
    expect(cursor.next()).toBe(false);
    expect(() => keydir.cursor({ gt: "x".repeat(131_072) })).toThrow(RangeError);
    expect(() => keydir.cursor({ limit: Number.NaN })).toThrow(RangeError);
    expect(keydir.stats().openSnapshots).toBe(0);
  });

  test("options out of range are refused", () => {
    for (const options of [{ maxBytes: 1 }, { maxVersions: 0 }, { maxSnapshots: 0.5 }]) {
      expect(() => createKeydir(options)).toThrow(RangeError);
    }
  });

  test("without order there are no cursors, but snapshots read", () => {
    const keydir = createKeydir({ ordered: false });
    keydir.set("a", at(1));
    const snapshot = keydir.snapshot();
    keydir.delete("a", 2);
    expect(codeOf(() => keydir.cursor())).toBe("BITCASK_UNORDERED");
    expect(keydir.get("a", createLocation(), snapshot)).toBe(true);
    snapshot.release();
    expect(codeOf(() => keydir.get("a", createLocation(), snapshot))).toBe("BITCASK_SNAPSHOT_GONE");
    expect(keydir.trim(10)).toBe(false);
    expect(keydir.has("a")).toBe(false);
  });
});
