/** One run, replayed by one integer. */

import { SeededRandom } from "../testing/seeded-random.js";
import type { Violation } from "./checker.js";
import type { Coverage } from "./coverage.js";
import { drawSchedule, type FaultSchedule } from "./fault-schedule.js";
import { drawSettings, type SimSettings } from "./settings.js";
import { SimWorld } from "./sim-world.js";
import type { SimulatedMachine } from "./simulated-machine.js";

export interface SimOptions {
  /** Takes the place of what the seed would draw. */
  readonly settings?: Partial<SimSettings>;
  /** Takes the place of the faults that the seed would draw. */
  readonly schedule?: FaultSchedule;
  /** What is replicated. @default registers of the simulator's own */
  readonly machine?: SimulatedMachine;
  /** Told what happens, in words. */
  readonly tell?: (line: string) => void;
}

export interface SimResult {
  readonly seed: number;
  /** Of all that happened: the same seed has the same, on every machine. */
  readonly traceHash: string;
  /** The first one; the run ends with it. */
  readonly violation?: Violation;
  readonly coverage: Coverage;
  readonly schedule: FaultSchedule;
  readonly settings: SimSettings;
  readonly steps: number;
  readonly virtualMs: number;
}

/**
 * Runs one seed. Several may run at the same time; each is a world of its own.
 * @param seed an integer from 0 to 2^53 - 1
 */
export async function runSeed(seed: number, options: SimOptions = {}): Promise<SimResult> {
  const settings = { ...drawSettings(new SeededRandom(seed, 2)), ...options.settings };
  const schedule = options.schedule ?? drawSchedule(new SeededRandom(seed, 4), settings);
  const { machine, tell } = options;
  const world = new SimWorld({ seed, settings, schedule, machine, tell });
  await world.run();
  const { violation } = world.checker;
  return {
    seed,
    traceHash: world.trace.hash,
    ...(violation === undefined ? {} : { violation }),
    coverage: world.coverage.get(),
    schedule,
    settings,
    steps: world.loop.steps,
    virtualMs: world.loop.nowMs,
  };
}
