import { expect, test } from "vitest";
import { MergePace } from "./merge-pace.js";
import { ManualClock } from "./testing/index.js";

const KIB = 1024;
const MIB = 1024 * KIB;
/** What may be read at once after a rest. */
const BURST = MIB;

function paceOf(load: { pressure?: number; writes?: () => number; waiting?: number } = {}) {
  const clock = new ManualClock();
  const pace = new MergePace(clock, MIB, {
    pressure: () => load.pressure ?? 0,
    foregroundWrites: load.writes ?? (() => 0),
    waitingWrites: () => load.waiting ?? 0,
  });
  return { clock, pace };
}

/** @returns the milliseconds for which a rest after `bytes` lasts, in steps of `step` */
async function restOf({ clock, pace }: ReturnType<typeof paceOf>, bytes: number, step = 50) {
  let isOver = false;
  const rest = pace.pause(bytes).then(() => {
    isOver = true;
  });
  for (let waited = 0; ; waited += step) {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (isOver) {
      await rest;
      return waited;
    }
    if (waited > 60_000) throw new Error("it rests for ever");
    clock.advance(step);
  }
}

test("bytes are rationed once the first burst is used up", async () => {
  const bench = paceOf();
  expect(await restOf(bench, BURST)).toBe(0);
  expect(await restOf(bench, MIB / 2)).toBe(500);
});

test("a merge leaves more room while writes go on or wait", async () => {
  let writes = 0;
  const busy = paceOf({ writes: () => ++writes });
  await restOf(busy, BURST);
  expect(await restOf(busy, MIB / 2)).toBe(2000);
  const waiting = paceOf({ waiting: 1 });
  await restOf(waiting, BURST);
  expect(await restOf(waiting, MIB / 2)).toBe(2000);
});

test("with much to reclaim there is no ration, and slices grow", async () => {
  const calm = paceOf();
  const pressed = paceOf({ pressure: 1 });
  await restOf(pressed, BURST);
  expect(await restOf(pressed, 100 * MIB)).toBe(0);
  expect(calm.pace.sliceBytes).toBe(16 * KIB);
  expect(pressed.pace.sliceBytes).toBe(128 * KIB);
  expect(paceOf({ pressure: 9 }).pace.sliceBytes).toBe(MIB);
});

test("closing ends a rest at once", async () => {
  const { pace } = paceOf();
  await pace.pause(BURST);
  const rest = pace.pause(100 * MIB);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  pace.hurry();
  await rest;
  await pace.pause(100 * MIB);
});

test("a merge is not rationed once somebody waits for it", async () => {
  const { pace } = paceOf();
  await pace.pause(BURST);
  const rest = pace.pause(100 * MIB);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  pace.unration();
  await rest;
  await pace.pause(100 * MIB);
});

test("the ration is back for the next merge in the background", async () => {
  const bench = paceOf();
  bench.pace.unration();
  await bench.pace.pause(100 * MIB);
  bench.pace.ration();
  await restOf(bench, BURST);
  expect(await restOf(bench, MIB / 2)).toBe(500);
});
