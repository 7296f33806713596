/**
 * Plays every script of etcd/raft's test data against the core. What it prints must match the
 * files exactly, but for log lines.
 *
 * The data is not part of this repository. It is taken from TITAN_RAFT_CONFORMANCE_DIR, or from
 * `shared/conformance/etcd-raft` beside the repository; without it the suite is skipped, and says
 * why.
 */

import { existsSync, readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { testSeed } from "../support/seeded-random.js";
import { findScripts, playScript } from "./script-files.js";
import { withoutLogLines } from "./script-output.js";

const REPOSITORY = resolve(fileURLToPath(import.meta.url), "../../../../..");
const BESIDE = resolve(REPOSITORY, "../shared/conformance/etcd-raft");
const given = process.env["TITAN_RAFT_CONFORMANCE_DIR"];
const folder = given === undefined || given === "" ? BESIDE : resolve(REPOSITORY, given);

const isThere = existsSync(folder);
const scripts = isThere ? findScripts(folder) : [];

test.skipIf(!isThere)(
  isThere
    ? "the folder of test data holds scripts"
    : `skipped: etcd/raft's test data is not in ${relative(REPOSITORY, folder)}`,
  () => expect(scripts.length, folder).toBeGreaterThan(0),
);

if (scripts.length > 0) {
  describe("etcd/raft", () => {
    test.each(scripts)("%s", (name) => {
      for (const { directive, printed } of playScript(
        readFileSync(resolve(folder, name), "utf8"),
        testSeed(),
      )) {
        const where = `${name}:${directive.line} ${directive.command}`;
        expect(withoutLogLines(printed), where).toBe(withoutLogLines(directive.expected));
      }
    });
  });
}
