import { expect, test } from "vitest";
import { seededRandom } from "../../test/seeded-random.js";
import { drawFrom, parseMix } from "./mix.js";

test("a mix is read, with blanks where people put them", () => {
  expect([...parseMix("put=1, get = 20")]).toEqual([
    ["put", 1],
    ["get", 20],
  ]);
});

test.each([
  "",
  "get",
  "get=",
  "get=0",
  "get=1.5",
  "get=-1",
  "get=1e3",
  "get=1000001",
  "scan=1",
  "get=1,",
])("%j is no mix", (text) => {
  expect(() => parseMix(text)).toThrow("--mix takes operations and how often");
});

test("a mix has each operation once", () => {
  expect(() => parseMix("get=1,get=2")).toThrow("--mix has get twice");
});

test("operations are drawn as often as their weights say", () => {
  const random = seededRandom();
  const draw = drawFrom(parseMix("get=70,put=25,delete=5"), random);
  const drawn = Array.from({ length: 100_000 }, () => draw());
  const share = (operation: string): number =>
    drawn.filter((one) => one === operation).length / drawn.length;
  expect(share("get"), `seed ${random.seed}`).toBeCloseTo(0.7, 1.7);
  expect(share("put"), `seed ${random.seed}`).toBeCloseTo(0.25, 1.7);
  expect(share("delete"), `seed ${random.seed}`).toBeCloseTo(0.05, 1.7);
});
