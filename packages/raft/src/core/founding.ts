/**
 * How a group begins. Every founding member stores the same snapshot before it starts for the
 * first time; members that join later start with nothing and are sent it, or a later one.
 *
 * The snapshot stands at index 1, so that the log can never be replicated from its very beginning
 * to somebody who does not know who the founders were.
 */

import { foundingConfig } from "./configuration.js";
import { NO_BYTES } from "./entry.js";
import { toLogIndex, toTerm } from "./ids.js";
import type { Snapshot } from "./storage.js";

/** @param data state that the group starts from; empty by default */
export function foundingSnapshot(
  members: Parameters<typeof foundingConfig>[0],
  data: Uint8Array = NO_BYTES,
): Snapshot {
  return {
    meta: { index: toLogIndex(1), term: toTerm(1), config: foundingConfig(members) },
    data,
  };
}
