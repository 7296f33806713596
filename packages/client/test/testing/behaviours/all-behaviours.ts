import type { Behaviour } from "./behaviour.js";
import { ONE_KEY } from "./one-key.js";
import { RANGES } from "./ranges.js";
import { REFUSALS } from "./refusals.js";
import { TOGETHER } from "./together.js";
import { WATCHES } from "./watches.js";

/** All cases, by what they are about. */
export const BEHAVIOURS: ReadonlyMap<string, readonly Behaviour[]> = new Map([
  ["calls on one key", ONE_KEY],
  ["calls on keys together", TOGETHER],
  ["scans", RANGES],
  ["refusals", REFUSALS],
  ["watches and locks", WATCHES],
]);
