/**
 * Plays the scripts of this folder, written in the format of etcd/raft's for what its files never
 * exercise. The steps and their comments were written first; the expected lines were taken from a run
 * and checked against the comments, line by line.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { playScript } from "../conformance/script-files.js";
import { testSeed } from "../support/seeded-random.js";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const SCRIPTS = readdirSync(FOLDER).filter((name) => name.endsWith(".txt"));

describe("scripts of our own", () => {
  test("are there", () => expect(SCRIPTS.length).toBeGreaterThan(5));

  for (const name of SCRIPTS) {
    test(name, () => {
      const text = readFileSync(join(FOLDER, name), "utf8");
      for (const { directive, printed } of playScript(text, testSeed())) {
        const where = `${name}:${directive.line} ${directive.command}`;
        expect(printed.replace(/\n+$/, ""), where).toBe(directive.expected);
      }
    });
  }
});
