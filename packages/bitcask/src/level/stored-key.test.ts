import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seedFrom } from "../testing/index.js";
import { storedBytes } from "./key-bounds.js";
import { fromStoredKey } from "./stored-key.js";

const seed = seedFrom(process.env, Math.floor(Math.random() * 2 ** 31));

/** Bytes in which zeros are common, since those are what the mapping is about. */
const key = fc
  .array(fc.oneof(fc.constant(0), fc.constant(0), fc.constant(1), fc.nat(255)), { maxLength: 6 })
  .map((bytes) => Uint8Array.from(bytes));

test("keys of zeros only are stored one zero longer, all others as they are", () => {
  const table = [
    ["", "00"],
    ["00", "0000"],
    ["0000", "000000"],
    ["0001", "0001"],
    ["000100", "000100"],
    ["61", "61"],
  ];
  for (const [level, stored] of table as [string, string][]) {
    expect(Buffer.from(storedBytes(Buffer.from(level, "hex"))).toString("hex")).toBe(stored);
    const text = Buffer.from(level, "hex").toString("latin1");
    expect(Buffer.from(storedBytes(text)).toString("hex")).toBe(stored);
  }
});

test(`a stored key is not empty and gives its key back (TITAN_SEED=${seed})`, () => {
  const property = fc.property(key, (bytes) => {
    const stored = storedBytes(bytes);
    expect(stored.length).toBeGreaterThan(0);
    expect(Buffer.compare(fromStoredKey(stored), bytes)).toBe(0);
  });
  fc.assert(property, { seed, numRuns: 2000 });
});

test(`every key that is not empty is the stored form of one (TITAN_SEED=${seed})`, () => {
  const property = fc.property(key, (bytes) => {
    fc.pre(bytes.length > 0);
    expect(Buffer.compare(storedBytes(fromStoredKey(bytes)), bytes)).toBe(0);
  });
  fc.assert(property, { seed, numRuns: 2000 });
});

test(`stored keys are in the order of their keys (TITAN_SEED=${seed})`, () => {
  const property = fc.property(key, key, (a, b) => {
    expect(Buffer.compare(storedBytes(a), storedBytes(b))).toBe(Buffer.compare(a, b));
  });
  fc.assert(property, { seed, numRuns: 5000 });
});
