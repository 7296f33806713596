/** Random groups of cores, as the hunt for bugs runs them. */

import { type CoreViolation, runCoreSeed } from "../../core-world/core-world.js";

type Rigs = Readonly<Record<string, (seed: number) => Promise<CoreViolation | undefined>>>;

/** Each returns what went wrong, undefined when nothing did. */
export const rigs: Rigs = {
  core: (seed) => Promise.resolve(runCoreSeed(seed)),
};
