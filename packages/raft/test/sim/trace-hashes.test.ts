/**
 * The same seed is the same run, on every machine and every Node version: compared with what was recorded.
 * Whatever changes what hosts, cores, logs or the simulator do changes the hashes, too. Then record anew:
 *
 *     TITAN_RECORD=1 npx vitest run test/sim/trace-hashes.test.ts
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runSeed } from "../../src/sim/index.js";

const FILE = fileURLToPath(new URL("./trace-hashes.json", import.meta.url));
const isRecording = process.env["TITAN_RECORD"] === "1";

test("recorded seeds leave the traces that were recorded", async () => {
  const recorded = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, string>;
  const seeds = Object.keys(recorded);
  expect(seeds.length).toBeGreaterThanOrEqual(10);
  const found: Record<string, string> = {};
  for (const seed of seeds) found[seed] = (await runSeed(Number(seed))).traceHash;
  if (isRecording) writeFileSync(FILE, `${JSON.stringify(found, undefined, 2)}\n`);
  else expect(found, "deliberate? then record anew, as this file says").toEqual(recorded);
}, 60_000);
