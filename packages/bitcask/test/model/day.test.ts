/**
 * A day in the life of a store on a virtual clock: some thousand random actions, crashes and merges among
 * them, 24 hours in all. The disk stays within what docs/bitcask/memory-and-disk.md says.
 * `TITAN_SEED` replays it.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seedFrom } from "../../src/testing/index.js";
import type { FormName } from "../crash/forms.js";
import { action } from "./actions.js";
import { Subject } from "./subject.js";

const DAY_MS = 24 * 3_600_000;
const ACTIONS = 3000;
/** Of the store under test; a value of 900 bytes may go beyond it. */
const DATA_FILE_BYTES = 2048;
/** Manifest and lock, hints of up to a hundred records, zeros behind the active file. */
const BESIDE_BYTES = 24 * 1024;
/** A snapshot would keep the files that merges replace. */
const unheld = action.filter(({ type }) => type !== "snapshot");
const IS_THOROUGH = process.env["TITAN_THOROUGH"] === "1";

test.runIf(IS_THOROUGH).each<FormName>(["plain", "compressed and encrypted"])(
  "24 hours of mixed load, %s: nothing is lost, and the disk does not fill up",
  async (form) => {
    const seed = seedFrom(process.env, Math.floor(Math.random() * 2 ** 31));
    const subject = new Subject(form);
    await subject.start();
    let most = 0;
    try {
      for (const next of fc.sample(unheld, { numRuns: ACTIONS, seed })) {
        await subject.run(next);
        await subject.run({ type: "advance", milliseconds: DAY_MS / ACTIONS });
        const { bytes, liveBytes } = subject.disk;
        most = Math.max(most, bytes);
        expect(bytes).toBeLessThan(2 * liveBytes + 4 * DATA_FILE_BYTES + BESIDE_BYTES);
      }
      await subject.stop();
    } finally {
      process.stdout.write(`a day, ${form}, TITAN_SEED=${seed}: at most ${most} bytes\n`);
    }
  },
  120_000,
);
