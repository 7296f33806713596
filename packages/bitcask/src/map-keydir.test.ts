import { expect, test } from "vitest";
import { createLocation } from "./keydir.js";
import { MapKeydir } from "./map-keydir.js";

const key = (text: string) => Buffer.from(text, "latin1");
const at = (position: number) => ({ ...createLocation(), fileId: 1, position });

test("set and delete tell what they displaced", () => {
  const keydir = new MapKeydir();
  const displaced = createLocation();
  const found = createLocation();
  expect(keydir.set(key("a"), at(1), displaced)).toBe(false);
  expect(keydir.set(key("a"), at(2), displaced)).toBe(true);
  expect(displaced.position).toBe(1);
  expect(keydir.get(key("a"), found) && found.position).toBe(2);
  expect(keydir.delete(key("a"), displaced) && displaced.position).toBe(2);
  expect(keydir.delete(key("a"), displaced)).toBe(false);
  expect([keydir.size, keydir.get(key("a"), found)]).toEqual([0, false]);
});

test("a snapshot walks its range in byte order and sees no later change", () => {
  const keydir = new MapKeydir();
  const scratch = createLocation();
  ["b", "a", "\u00ff", "ab", "c"].forEach((name, index) => {
    keydir.set(key(name), at(index), scratch);
  });
  const bound = (name: string, isInclusive: boolean) => ({ key: key(name), isInclusive });
  const walk = (range: Parameters<MapKeydir["snapshot"]>[0]) => {
    const snapshot = keydir.snapshot(range);
    keydir.delete(key("b"), scratch);
    keydir.set(key("ab"), at(99), scratch);
    const names: string[] = [];
    for (let next = snapshot.next(scratch); next; next = snapshot.next(scratch)) {
      names.push(`${Buffer.from(next).toString("latin1")}@${scratch.position}`);
    }
    snapshot.release();
    return names;
  };
  const all = { lower: undefined, upper: undefined, isReverse: false };
  expect(walk(all)).toEqual(["a@1", "ab@3", "b@0", "c@4", "\u00ff@2"]);
  expect(walk({ ...all, isReverse: true })).toEqual(["\u00ff@2", "c@4", "ab@99", "a@1"]);
  expect(walk({ ...all, lower: bound("a", false), upper: bound("c", true) })).toEqual([
    "ab@99",
    "c@4",
  ]);
});
