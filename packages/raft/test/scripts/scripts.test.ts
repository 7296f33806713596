/**
 * Plays the scripts of this folder, written in the format of etcd/raft's for what its files never
 * exercise. The steps and their comments were written first; the expected lines were taken from a run
 * and checked against the comments, line by line.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseScript } from "../conformance/datadriven.js";
import { playDirective } from "../conformance/interaction-commands.js";
import { InteractionEnv } from "../conformance/interaction-env.js";
import { seededRandom, testSeed } from "../support/seeded-random.js";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const SCRIPTS = readdirSync(FOLDER).filter((name) => name.endsWith(".txt"));

describe("scripts of our own", () => {
  test("are there", () => expect(SCRIPTS.length).toBeGreaterThan(5));

  for (const name of SCRIPTS) {
    test(name, () => {
      const env = new InteractionEnv(seededRandom(testSeed()));
      for (const directive of parseScript(readFileSync(join(FOLDER, name), "utf8"))) {
        const printed = playDirective(env, directive).replace(/\n+$/, "");
        expect(printed, `${name}:${directive.line} ${directive.command}`).toBe(directive.expected);
      }
    });
  }
});
