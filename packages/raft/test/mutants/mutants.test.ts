/**
 * The gate: every deliberate bug still fits its place, and a simulator sees it. TITAN_MUTANTS=all hunts
 * all of them; by default a few, as each costs about a second.
 */

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { sourceFile } from "./bundle-rig.js";
import { find, MUTANTS, readFindings, renderTable, runClean, TABLE_FILE } from "./gate.js";
import { type Mutant, PITFALLS, plant, RIGS } from "./mutant.js";

const A_FEW: ReadonlySet<string> = new Set([
  "vote-sent-before-stored",
  "heartbeat-commit-unbounded",
  "read-at-applied-index",
  "leader-counts-itself-early",
  "host-acknowledges-before-sync",
]);

const isThorough = process.env["TITAN_MUTANTS"] === "all";
const hunted = MUTANTS.filter(({ id }) => isThorough || A_FEW.has(id));
const findings = readFindings();
const HUNT_MS = 600_000;

describe("the catalogue", () => {
  test("holds at least 40 bugs, each by a name of its own", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(40);
    expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length);
  });

  test.each(Object.keys(PITFALLS))("makes mistake %s in two ways at least", (number) => {
    const bugs = MUTANTS.filter(({ pitfall }) => pitfall === Number(number));
    expect(bugs.length).toBeGreaterThanOrEqual(2);
  });

  test.each(MUTANTS)("$id fits one place, and changes it", (mutant) => {
    expect(existsSync(sourceFile(mutant)), mutant.file).toBe(true);
    const source = readFileSync(sourceFile(mutant), "utf8");
    expect(plant(mutant, source)).not.toBe(source);
  });

  test("a change that fits nowhere, or in two places, fails", () => {
    const mutant = { id: "x", before: "a", after: "b" };
    expect(() => plant(mutant, "c")).toThrow("0 times");
    expect(() => plant(mutant, "a a")).toThrow("2 times");
  });

  test.each([
    ["that crashes", 'throw new Error("broken");', "crash: broken"],
    ["that leaves a rejection unhandled", 'void Promise.reject(new Error("stray"));', "stray"],
  ])("a run %s is no finding, unless that is the bug", async (_, statement, what) => {
    const before = "declare const brand: unique symbol;";
    const broken: Mutant = {
      id: "x",
      pitfall: 1,
      rig: "core",
      file: "core/ids.ts",
      before,
      after: `${before}\n${statement}`,
      bug: "The module breaks when it is loaded.",
    };
    await expect(find(broken, undefined, 1)).rejects.toThrow(what);
    const breaks = what === "stray" ? "unhandled" : "crash";
    const finding = await find({ ...broken, breaks }, undefined, 1);
    expect(finding?.violation).toContain(what);
  });

  test("every bug has a recorded seed, and the page shows it", () => {
    expect(Object.keys(findings).sort()).toEqual(MUTANTS.map(({ id }) => id).sort());
    const page = readFileSync(TABLE_FILE, "utf8");
    expect(page, "run scripts/mutants.mjs").toBe(renderTable(MUTANTS, findings));
  });
});

describe.concurrent(`the simulators see ${isThorough ? "every bug" : "a few bugs"}`, () => {
  test.each(hunted)(
    "$id",
    async (mutant) => {
      expect(await find(mutant, findings[mutant.id])).toBeDefined();
    },
    HUNT_MS,
  );
});

describe.concurrent("the source as it is", () => {
  test.each(RIGS.filter((rig) => hunted.some((mutant) => mutant.rig === rig)))(
    "shows nothing to those seeds: %s",
    async (rig) => {
      const bugs = hunted.filter((mutant) => mutant.rig === rig);
      const seeds = new Set(bugs.map(({ id }) => findings[id]?.seed ?? 1));
      expect(await runClean(rig, [...seeds])).toBeUndefined();
    },
    HUNT_MS,
  );
});
