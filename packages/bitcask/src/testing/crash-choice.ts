/**
 * Which crashes to try. A power cut leaves a number of independent questions open: for each unsynced
 * change of a name whether it survives, for each dirty file which size, for each dirty sector which
 * content. A choice answers all of them; this file picks the choices worth trying.
 */
import type { Random } from "../ports.js";

/** One question that a power cut leaves open. */
export interface CrashDecision {
  /** For people: what is at stake. */
  readonly label: string;
  /** Number of answers, from 0 (the unsynced effect is lost) to `options - 1` (all of it is kept). */
  readonly options: number;
}

/** One answer per decision; a missing one counts as 0. */
export type CrashChoice = readonly number[];

/** How many choices {@link crashChoices} may yield. */
export interface CrashBounds {
  /** All combinations are tried when there are at most so many. @default 64 */
  readonly exhaustive?: number;
  /** Beyond that: so many random choices after the extremes. @default 32 */
  readonly samples?: number;
  /** Beyond that: at most so many of the extremes, evenly picked. @default 64 */
  readonly extremes?: number;
}

/** Combinations of answers, `Infinity` when they are too many to count. */
export function crashCount(decisions: readonly CrashDecision[]): number {
  return decisions.reduce((product, { options }) => product * options, 1);
}

/**
 * Yields every choice when they are few. Otherwise all lost and all kept, each single effect lost, each
 * single effect kept, every prefix in order, and random ones.
 */
export function* crashChoices(
  decisions: readonly CrashDecision[],
  random: Random,
  bounds: CrashBounds = {},
): Generator<CrashChoice> {
  const { exhaustive = 64, samples = 32, extremes = 64 } = bounds;
  if (crashCount(decisions) <= exhaustive) {
    yield* allChoices(decisions);
    return;
  }
  const highest = decisions.map(({ options }) => options - 1);
  yield decisions.map(() => 0);
  yield highest;
  yield* evenly(extremeChoices(highest), extremes);
  for (let count = 0; count < samples; count += 1) {
    yield decisions.map(({ options }) => random.nextInt(options));
  }
}

function* allChoices(decisions: readonly CrashDecision[]): Generator<CrashChoice> {
  const choice = decisions.map(() => 0);
  for (;;) {
    yield [...choice];
    let digit = 0;
    while (digit < choice.length && choice[digit] === (decisions[digit]?.options ?? 1) - 1) {
      choice[digit] = 0;
      digit += 1;
    }
    if (digit === choice.length) return;
    choice[digit] = (choice[digit] ?? 0) + 1;
  }
}

function extremeChoices(highest: CrashChoice): CrashChoice[] {
  const positions = highest.map((_, index) => index);
  return positions.flatMap((at) => [
    highest.map((top, index) => (index === at ? 0 : top)),
    highest.map((top, index) => (index === at ? top : 0)),
    highest.map((top, index) => (index <= at ? top : 0)),
  ]);
}

function evenly(choices: readonly CrashChoice[], limit: number): CrashChoice[] {
  if (choices.length <= limit) return [...choices];
  return Array.from({ length: limit }, (_, index) => {
    const choice = choices[Math.floor((index * choices.length) / limit)];
    if (choice === undefined) throw new RangeError("picked past the end");
    return choice;
  });
}
