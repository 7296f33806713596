/**
 * Makes a failing run smaller: leaves out faults for as long as the same invariant breaks without them.
 * Chance is drawn from separate sources, so that a fault that is left out changes little else.
 */

import type { Invariant, Violation } from "./checker.js";
import type { FaultSchedule } from "./fault-schedule.js";
import { runSeed, type SimOptions, type SimResult } from "./run-seed.js";

export interface ShrunkRun {
  readonly schedule: FaultSchedule;
  readonly violation: Violation;
  /** Runs that it took. */
  readonly runs: number;
}

const MAX_RUNS = 400;

/**
 * Looks for a small schedule with which the seed still breaks the same invariant.
 * @param failed a run that broke one
 * @throws RangeError when it did not
 */
export async function shrinkRun(failed: SimResult, options: SimOptions = {}): Promise<ShrunkRun> {
  const { seed, violation } = failed;
  if (violation === undefined) throw new RangeError(`seed ${seed} breaks nothing`);
  const shrinker = new Shrinker(seed, options, violation);
  return shrinker.run(failed.schedule);
}

class Shrinker {
  readonly #seed: number;
  readonly #options: SimOptions;
  readonly #invariant: Invariant;
  #violation: Violation;
  #runs = 0;

  constructor(seed: number, options: SimOptions, violation: Violation) {
    this.#seed = seed;
    this.#options = options;
    this.#violation = violation;
    this.#invariant = violation.invariant;
  }

  /** Leaves out ever smaller parts: halves, quarters, …, single faults, until none can go. */
  async run(schedule: FaultSchedule): Promise<ShrunkRun> {
    let left = schedule;
    for (let size = Math.ceil(left.length / 2); size >= 1; ) {
      const smaller = await this.#withoutParts(left, size);
      const hasShrunk = smaller.length < left.length;
      left = smaller;
      if (this.#runs >= MAX_RUNS || (size === 1 && !hasShrunk)) break;
      if (size > 1) size = Math.ceil(size / 2);
    }
    return { schedule: left, violation: this.#violation, runs: this.#runs };
  }

  async #withoutParts(schedule: FaultSchedule, size: number): Promise<FaultSchedule> {
    let left = schedule;
    for (let at = 0; at < left.length && this.#runs < MAX_RUNS; ) {
      const without = [...left.slice(0, at), ...left.slice(at + size)];
      if (await this.#stillFails(without)) left = without;
      else at += size;
    }
    return left;
  }

  async #stillFails(schedule: FaultSchedule): Promise<boolean> {
    this.#runs += 1;
    const { violation } = await runSeed(this.#seed, { ...this.#options, schedule });
    if (violation?.invariant !== this.#invariant) return false;
    this.#violation = violation;
    return true;
  }
}
