/**
 * Plays every script of etcd/raft's test data against the core. What it prints must match the
 * files exactly, but for log lines.
 *
 * The data is not part of this repository. It is taken from TITAN_RAFT_CONFORMANCE_DIR, or from
 * `shared/conformance/etcd-raft` beside the repository; without it the suite is skipped, and says
 * why.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { seededRandom, testSeed } from "../support/seeded-random.js";
import { ConfChangeScript } from "./confchange-commands.js";
import { type Directive, parseScript } from "./datadriven.js";
import { playDirective } from "./interaction-commands.js";
import { InteractionEnv } from "./interaction-env.js";
import { playQuorum } from "./quorum-commands.js";
import { withoutLogLines } from "./script-output.js";

const REPOSITORY = resolve(fileURLToPath(import.meta.url), "../../../../..");
const BESIDE = join(REPOSITORY, "../shared/conformance/etcd-raft");
const given = process.env["TITAN_RAFT_CONFORMANCE_DIR"];
const folder = given === undefined || given === "" ? BESIDE : resolve(REPOSITORY, given);

type Player = (directive: Directive) => string;

const SUITES: Readonly<Record<string, () => Player>> = {
  interaction: () => {
    const env = new InteractionEnv(seededRandom(testSeed()));
    return (directive) => playDirective(env, directive);
  },
  quorum: () => playQuorum,
  confchange: () => {
    const script = new ConfChangeScript();
    return (directive) => script.play(directive);
  },
};

function scriptsUnder(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".txt"))
    .map((name) => join(path, name))
    .sort();
}

const isThere = existsSync(folder);
test.skipIf(!isThere)(
  isThere
    ? "the data is there"
    : `skipped: etcd/raft's test data is not in ${relative(REPOSITORY, folder)}`,
  () => expect(scriptsUnder(folder).length).toBeGreaterThan(0),
);

/** Upstream keeps the interaction scripts in `testdata`, at the top. */
const ALIASES: Readonly<Record<string, string>> = { interaction: "testdata" };

for (const [suite, createPlayer] of Object.entries(SUITES)) {
  const names = [suite, ALIASES[suite]].filter((name) => name !== undefined);
  const path = names.map((name) => join(folder, name)).find((one) => existsSync(one));
  if (path === undefined) continue;
  describe(`etcd/raft ${suite}`, () => {
    const scripts = scriptsUnder(path);
    test("has scripts", () => expect(scripts.length).toBeGreaterThan(0));
    for (const file of scripts) {
      test(relative(path, file), () => {
        const play = createPlayer();
        for (const directive of parseScript(readFileSync(file, "utf8"))) {
          const printed = withoutLogLines(play(directive));
          const where = `${relative(path, file)}:${directive.line} ${directive.command}`;
          expect(printed, where).toBe(withoutLogLines(directive.expected));
        }
      });
    }
  });
}
