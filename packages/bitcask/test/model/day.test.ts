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
/** Of seven keys: the tables' first segments, mostly empty. */
const IMAGE_BYTES = 144 * 1024;
/** Actions between two moments at which the last snapshot is let go, so that the bound can be checked. */
const ACTIONS_HELD = 12;
const IS_THOROUGH = process.env["TITAN_THOROUGH"] === "1";

test.runIf(IS_THOROUGH).each<FormName>(["plain", "compressed and encrypted"])(
  "24 hours of mixed load with snapshots, %s: nothing is lost, and the disk does not fill up",
  async (form) => {
    const seed = seedFrom(process.env, Math.floor(Math.random() * 2 ** 31));
    const subject = new Subject(form);
    await subject.start();
    let most = 0;
    let checks = 0;
    try {
      for (const [index, next] of fc.sample(action, { numRuns: ACTIONS, seed }).entries()) {
        await subject.run(next);
        // Files that merges replace stay as long as a snapshot needs them; then they go.
        if (index % ACTIONS_HELD === 0) {
          while (subject.heldViews > 0) await subject.run({ type: "release" });
        }
        await subject.run({ type: "advance", milliseconds: DAY_MS / ACTIONS });
        const { image, bytes, liveBytes } = subject.disk;
        expect(image).toBeLessThan(IMAGE_BYTES);
        if (subject.heldViews > 0) continue;
        checks += 1;
        most = Math.max(most, bytes);
        expect(bytes).toBeLessThan(2 * liveBytes + 4 * DATA_FILE_BYTES + BESIDE_BYTES);
      }
      await subject.stop();
      expect(subject.counts.get("snapshot")).toBeGreaterThan(100);
      expect(checks).toBeGreaterThan(ACTIONS / 4);
    } finally {
      const figures = `at most ${most} bytes, seen ${checks} times without a snapshot`;
      process.stdout.write(`a day, ${form}, TITAN_SEED=${seed}: ${figures}\n`);
    }
  },
  120_000,
);
