/** What every implementation of the {@link Clock} and {@link Random} ports has to do. */

import assert from "node:assert/strict";
import type { Clock, Random } from "../wal/ports.js";
import type { RegisterTest } from "./conformance-case.js";

/** A clock to examine. */
export interface ClockSubject {
  readonly clock: Clock;
  /** Lets `milliseconds` or more go by on it: by waiting, or by moving a virtual one. */
  readonly pass: (milliseconds: number) => Promise<void>;
}

/** Registers the suite for {@link Clock}. */
export function clockConformance(suite: {
  readonly test: RegisterTest;
  readonly open: () => ClockSubject;
}): void {
  const { test, open } = suite;
  test("monotonic time grows with the time that passes and never goes back", async () => {
    const { clock, pass } = open();
    const before = clock.monotonicMs();
    await pass(20);
    const after = clock.monotonicMs();
    assert.ok(after - before >= 19, `20 ms passed, the clock says ${after - before}`);
    assert.ok(clock.monotonicMs() >= after);
  });
  test("wall time counts milliseconds since 1970", async () => {
    const { clock } = open();
    assert.ok(clock.wallMs() > Date.UTC(2024, 0, 1) && clock.wallMs() < Date.UTC(2200, 0, 1));
  });
  test("a scheduled call comes once, not before its time, and never within schedule", async () => {
    const { clock, pass } = open();
    const calls: number[] = [];
    const start = clock.monotonicMs();
    clock.schedule(10, () => calls.push(clock.monotonicMs() - start));
    assert.deepEqual(calls, []);
    await pass(60);
    assert.equal(calls.length, 1);
    assert.ok((calls[0] ?? 0) >= 9, `came after ${calls[0]} ms instead of 10`);
    await pass(20);
    assert.equal(calls.length, 1);
  });
  test("a call that is due at once comes, too, after schedule has returned", async () => {
    const { clock, pass } = open();
    let isDone = false;
    clock.schedule(0, () => {
      isDone = true;
    });
    assert.equal(isDone, false);
    await pass(20);
    assert.equal(isDone, true);
  });
  test("a cancelled call never comes, and cancelling again does nothing", async () => {
    const { clock, pass } = open();
    let calls = 0;
    const cancel = clock.schedule(5, () => {
      calls += 1;
    });
    cancel();
    cancel();
    await pass(40);
    assert.equal(calls, 0);
  });
}

/** Registers the suite for {@link Random}. */
export function randomConformance(suite: {
  readonly test: RegisterTest;
  readonly open: () => Random;
}): void {
  const { test, open } = suite;
  test("nextInt gives integers from 0 up to, not including, the bound", async () => {
    const random = open();
    for (const bound of [1, 2, 3, 10, 1000, 2 ** 31, 2 ** 32]) {
      for (let count = 0; count < 200; count += 1) {
        const drawn = random.nextInt(bound);
        assert.ok(Number.isInteger(drawn) && drawn >= 0 && drawn < bound, `${drawn} of ${bound}`);
      }
    }
  });
  test("every result of a small bound comes about equally often", async () => {
    const random = open();
    const counts = Array.from({ length: 7 }, () => 0);
    for (let count = 0; count < 70_000; count += 1) {
      const drawn = random.nextInt(7);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    // The standard deviation is 93: a fair source is never outside of this.
    const isFair = counts.every((count) => count > 9_000 && count < 11_000);
    assert.ok(isFair, `counts: ${counts.join(" ")}`);
  });
  test("large bounds reach both halves", async () => {
    const random = open();
    const draws = Array.from({ length: 100 }, () => random.nextInt(2 ** 32));
    assert.ok(draws.some((drawn) => drawn >= 2 ** 31) && draws.some((drawn) => drawn < 2 ** 31));
  });
}
