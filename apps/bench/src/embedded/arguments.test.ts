import { expect, test } from "vitest";
import { parseArguments } from "./arguments.js";
import { STORES } from "./engines/engine.js";
import { ROWS } from "./rows.js";

test("without arguments everything runs, and the table is written", () => {
  const options = parseArguments([]);
  expect(options).toMatchObject({ rounds: 5, keys: 1_000_000, mayWrite: true });
  expect(options.stores).toEqual(STORES);
  expect(options.rows).toEqual(ROWS);
});

test("a reduced run leaves the table alone unless it is told to write", () => {
  for (const args of [["--quick"], ["--rows", "open"], ["--stores", "lmdb"], ["--rounds", "4"]]) {
    expect(parseArguments(args).mayWrite).toBe(false);
    expect(parseArguments([...args, "--write"]).mayWrite).toBe(true);
  }
  expect(parseArguments(["--dry"]).mayWrite).toBe(false);
});

test("rows are chosen by name or beginning, and run in the order of the table", () => {
  const { rows } = parseArguments(["--rows", "open,durable-put-1*"]);
  expect(rows.map(({ id }) => id)).toEqual([
    "durable-put-1",
    "durable-put-16",
    "open",
    "durable-put-1-4k",
    "durable-put-16-4k",
  ]);
});

test("a bound in minutes is none by default, and keeps a run from being called reduced", () => {
  expect(parseArguments([]).minutes).toBe(Number.POSITIVE_INFINITY);
  expect(parseArguments(["--minutes", "20"])).toMatchObject({ minutes: 20, mayWrite: true });
});

test("no two rows share a name", () => {
  expect(new Set(ROWS.map(({ id }) => id)).size).toBe(ROWS.length);
});

test("what cannot be meant is refused", () => {
  const wrong = [
    ["--rounds", "0"],
    ["--keys", "ten"],
    ["--keys", "9999"],
    ["--seconds", "-1"],
    ["--stores", "redis"],
    ["--rows", "fly"],
    ["--sed", "1"],
    ["--minutes", "0"],
  ];
  for (const args of wrong) expect(() => parseArguments(args)).toThrow(TypeError);
});
