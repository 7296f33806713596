/** What the phases have in common. */
import type { Engine, EngineSettings } from "../engines/engine.js";
import type { Job, Metrics, ValueCache } from "../job.js";
import { type Dice, KEY_BYTES, type KeySpace } from "../key-space.js";

/** The job, with what is made of it. */
export interface PhaseContext {
  readonly job: Job;
  readonly keySpace: KeySpace;
  readonly dice: Dice;
  /**
   * Opens the store of the job, or another in a folder of its own; the settings that are left out are the
   * cheapest.
   */
  readonly open: (
    settings?: Partial<Omit<EngineSettings, "directory">> & { readonly folder?: string },
  ) => Promise<Engine>;
}

export type PhaseRun = (context: PhaseContext) => Promise<Metrics>;

/** Time before a measurement in which the same is done, so that code is compiled and caches are warm. */
export const WARM_UP_SHARE = 0.4;

/** Bytes of keys and values. */
export function dataBytes({ keys, valueBytes }: Job): number {
  return keys * (KEY_BYTES + valueBytes);
}

export function valueCacheBytes(job: Job, cache: ValueCache): number {
  if (cache === "none") return 0;
  // A cache that is to hold everything needs room for its own books.
  return cache === "all" ? dataBytes(job) * 2 : Math.ceil(dataBytes(job) / 10);
}

/** Ends the turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A store that gives wrong answers has no speed. */
export function assertCount(actual: number, expected: number, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`);
}
