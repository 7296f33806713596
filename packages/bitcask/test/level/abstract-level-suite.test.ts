/**
 * abstract-level's own test suite, from the installed package, unmodified. It runs everything twice:
 * on the database and on a sublevel of it.
 *
 * Left out by the suite itself, as `supports` tells it to:
 * - iterator-no-snapshot-test: is for databases whose iterators show later writes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BitcaskLevel } from "../../src/level/index.js";
import { runTape, type TapeTest, type TapReport } from "./tape-run.js";

interface SuiteOptions {
  readonly test: TapeTest;
  readonly factory: (options?: object) => BitcaskLevel<unknown, unknown>;
}

const require = createRequire(import.meta.url);
const suite = require("abstract-level/test") as (options: SuiteOptions) => void;

const folder = mkdtempSync(join(tmpdir(), "titan-level-"));
let databases = 0;
let report: TapReport;

beforeAll(async () => {
  report = await runTape((test) => {
    suite({
      test,
      factory: (options) => new BitcaskLevel(join(folder, String(databases++)), options),
    });
  });
}, 240_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every assertion of abstract-level's suite holds", () => {
  const failed = report.assertions.filter(({ ok }) => !ok);
  expect(failed).toEqual([]);
});

test("none of its tests is skipped", () => {
  expect(report.assertions.filter(({ isSkipped }) => isSkipped)).toEqual([]);
});

test("all of its tests have run", () => {
  // Those of abstract-level 3.1.1. A release that brings more, or a database that suddenly claims
  // less in `supports`, must be looked at.
  expect(report.tests.length).toBe(1509);
  expect(report.assertions.length).toBe(5168);
});
